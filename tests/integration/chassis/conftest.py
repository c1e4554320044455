"""The bench with the counter on it."""

from collections.abc import Callable

import pytest

from tests.integration.chassis import counter
from tests.support import Workbench


@pytest.fixture
def bench(workbench: Callable[..., Workbench]) -> Workbench:
    return workbench(counter.service)

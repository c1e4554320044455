"""A workbench with accounts on it, whose ledger must be sound at the end of each test."""

from collections.abc import Callable, Iterator

import pytest

from accounts import service
from chassis.database import Database
from tests.integration.accounts import desk
from tests.support import Workbench


@pytest.fixture
def bench(workbench: Callable[..., Workbench]) -> Iterator[Workbench]:
    made = workbench(service)
    yield made
    desk.assert_sound(made.runtime().database)


@pytest.fixture
def database(bench: Workbench) -> Database:
    return bench.runtime().database

"""Fixtures for all tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chassis.service import Service
from tests.support import Workbench


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Callable[..., Workbench]]:
    """Makes workbenches on fresh files: `workbench(tasks.service, timezone="Europe/Moscow")`."""
    made: list[Workbench] = []

    def make(*services: Service, **settings: Any) -> Workbench:
        bench = Workbench(tmp_path / str(len(made)), *services, **settings)
        made.append(bench)
        return bench

    yield make
    for bench in made:
        bench.close()

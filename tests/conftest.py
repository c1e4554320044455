"""Fixtures for all tests."""

import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from chassis import logs
from chassis.service import Service
from tests.support import Workbench

# Thousands of durable commits go quicker in memory, and no test cuts the power: what a
# killed process has written stays there as well.
MEMORY = Path("/dev/shm")
ROOM_NEEDED = 2 * 1024**3
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_NEEDED:
    tempfile.tempdir = str(MEMORY)
    os.environ["TMPDIR"] = str(MEMORY)

# A failing test shows what went wrong, not each request that went well.
logs.configure("WARNING", "text")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a test that is skipped fails")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what is skipped for want of a program, where all of them must be there."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("no_skips"):
        report.outcome = "failed"
    return report


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

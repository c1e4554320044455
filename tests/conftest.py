"""Fixtures for all tests."""

import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from chassis import logs
from chassis.service import Service
from tests import dialects
from tests.statements import Heard, WholeRun
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


HEARD = Heard()
LONG_PATIENCE = 30.0
WITH_PATIENCE = (
    "chassis.figures",
    "chassis.rabbitmq.depths",
    "chassis.status",
    "tasks.journey_pages",
)
LONG = frozenset({"sweep", "faults", "system", "payouts", "canaries"})


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(WholeRun(config, HEARD))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a test that is skipped fails")
    parser.addoption("--base-url", help="a fresh Popug to tell the stories of, already running")
    parser.addoption("--popug", default="popug", help="how its `popug` command is called")
    parser.addoption("--compose", action="store_true", help="run what needs a Docker engine")
    parser.addoption("--canaries", type=int, default=60, help="how many card numbers are let loose")
    parser.addoption(
        "--clean-days", type=int, default=20, help="how many days the books are lived through"
    )
    parser.addoption(
        "--payout-examples", type=int, default=20, help="how many lives of payouts are tried"
    )
    parser.addoption(
        "--engines",
        default="rabbitmq:3.10,rabbitmq:4",
        help="for --compose: RABBITMQ[+MYSQL] of each run, as names of images",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first: no process of pytest-xdist ends long after another."""
    items.sort(key=lambda item: item.path.parent.name not in LONG)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what is skipped for want of a program, where all of them must be there."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("no_skips"):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def _listener() -> Iterator[dialects.Listener]:
    """Hears every statement that is executed in this process."""
    listener = dialects.Listener()
    event.listen(Engine, "before_execute", listener)
    event.listen(Engine, "before_cursor_execute", HEARD)
    yield listener
    event.remove(Engine, "before_cursor_execute", HEARD)
    event.remove(Engine, "before_execute", listener)


@pytest.fixture(autouse=True)
def looked_at(_listener: dialects.Listener) -> Iterator[dialects.Listener]:
    """Fails the test that executes a statement which MySQL and MariaDB do not both know."""
    yield _listener
    complaints, _listener.complaints = _listener.complaints, []
    assert not complaints


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked up within a person's patience may take as long as the machine does.

    A test of that patience itself puts the value that it is about.
    """
    for module in WITH_PATIENCE:
        monkeypatch.setattr(import_module(module), "PATIENCE_SECONDS", LONG_PATIENCE)
    monkeypatch.setattr("chassis.web.RIGHTS_SECONDS", LONG_PATIENCE)
    # A fixture may hold a connection that a test goes on with a while later.
    monkeypatch.setattr("chassis.engines.IDLE_SECONDS", 600)


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

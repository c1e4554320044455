"""The systems that the stories are told of, one of its own for each test module."""

from collections.abc import Iterator

import pytest

from tests.system.running import RunningPopug
from tests.system.split import SplitPopug, why_not

System = RunningPopug | SplitPopug


@pytest.fixture(scope="module")
def popug(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPopug]:
    """A fresh `popug run` with one admin in it."""
    running = RunningPopug(tmp_path_factory.mktemp("popug"))
    running.start()
    running.add_admin()
    yield running
    running.stop()


@pytest.fixture(scope="module", params=["embedded", "split"])
def either(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A fresh system with one admin in it: in one process, and as twelve behind nginx."""
    if request.param == "split":
        reason = why_not()
        if reason:
            pytest.skip(reason)
        system: System = SplitPopug(tmp_path_factory.mktemp("split"))
    else:
        system = RunningPopug(tmp_path_factory.mktemp("popug"))
    system.start()
    system.add_admin()
    yield system
    system.stop()

"""The systems that the stories are told of, one of its own for each test module."""

from collections.abc import Iterator

import pytest

from tests.system.remote import RemotePopug
from tests.system.running import RunningPopug
from tests.system.split import SplitPopug, why_not

System = RunningPopug | SplitPopug | RemotePopug


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The stories are told of both forms, or of the one system that --base-url names."""
    if "either" in metafunc.fixturenames:
        forms = ["remote"] if metafunc.config.getoption("base_url") else ["embedded", "split"]
        metafunc.parametrize("either", forms, indirect=True, scope="module")


@pytest.fixture(scope="module")
def popug(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPopug]:
    """A fresh `popug run` with one admin in it."""
    running = RunningPopug(tmp_path_factory.mktemp("popug"))
    try:
        running.start()
        running.add_admin()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def either(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A fresh system with one admin in it: in one process, and as twelve behind nginx."""
    if request.param == "remote":
        options = request.config.option
        system: System = RemotePopug(options.base_url, options.popug)
    elif request.param == "split":
        reason = why_not()
        if reason:
            pytest.skip(reason)
        system = SplitPopug(tmp_path_factory.mktemp("split"))
    else:
        system = RunningPopug(tmp_path_factory.mktemp("popug"))
    try:
        system.start()
        system.add_admin()
        yield system
    finally:
        system.stop()

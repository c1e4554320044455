"""Systems for the stories: a `popug run` of its own for each test module."""

from collections.abc import Iterator

import pytest

from tests.system.running import RunningPopug


@pytest.fixture(scope="module")
def popug(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPopug]:
    """A fresh system with one admin in it."""
    running = RunningPopug(tmp_path_factory.mktemp("popug"))
    running.start()
    running.add_admin()
    yield running
    running.stop()

"""Popug in containers; these run by `make compose-test` alone, for they take many minutes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from tests.compose import standins
from tests.compose.engine import Docker, engine
from tests.compose.project import IMAGE, ROOT, Project

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "popug" / "compose-test"


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Nothing is collected here unless it is asked for."""
    return None if config.getoption("compose") else True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All of it once for each RabbitMQ that is named; the last may name a database too."""
    if "project" in metafunc.fixturenames:
        engines = metafunc.config.getoption("engines").split(",")
        metafunc.parametrize("project", engines, indirect=True, scope="module")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    # Whoever ends the run wants no engine and no containers left behind.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    with engine(CACHE) as found:
        if found.own:
            standins.provide(found, *(standin.image for standin in standins.COMMON))
        # The build needs a network, which an engine of our own has of the host alone.
        found("build", "--network=host", "--tag", IMAGE, str(ROOT))
        yield found


@pytest.fixture(scope="module")
def project(
    request: pytest.FixtureRequest, docker: Docker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """Popug in containers, healthy, with one admin; on `rabbitmq:4` or `rabbitmq:4+mysql:9.7`."""
    rabbitmq, _, mysql = request.param.partition("+")
    images = {"RABBITMQ_IMAGE": rabbitmq, "MYSQL_IMAGE": mysql or "mysql:8.4"}
    if docker.own:
        standins.provide(docker, *images.values())
    made = Project(docker, tmp_path_factory.mktemp("compose") / "popug", **images)
    try:
        made.up()
        made.add_admin()
        yield made
    finally:
        made.remove()

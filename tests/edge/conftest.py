"""nginx in front of mirrors, which stand for the services."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.mirror import Mirror
from tests.nginx import Nginx, installed

AWAY = "mailer"  # the one service that does not answer


@pytest.fixture(scope="session")
def mirrors() -> Iterator[dict[str, Mirror]]:
    """A mirror for each service but one, which is away."""
    if not installed():
        pytest.skip("nginx is not installed")
    made = {name: Mirror(name) for name in ("auth", "tasks", "accounts", "billing", "analytics")}
    yield made
    for mirror in made.values():
        mirror.stop()


@pytest.fixture(scope="module")
def edge(mirrors: dict[str, Mirror], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """The plain edge, one for each test module."""
    nginx = Nginx(folder_of(tmp_path_factory), addresses(mirrors))
    nginx.start()
    yield nginx
    nginx.stop()


def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edge")


def addresses(mirrors: dict[str, Mirror]) -> dict[str, str]:
    """Where nginx finds them."""
    return {name: mirror.address for name, mirror in mirrors.items()}

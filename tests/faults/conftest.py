"""Servers for faults, which several tests of one module share."""

import logging
from collections.abc import Iterator

import pytest

from tests.faults import arena
from tests.servers.mariadb import MariaDbServer
from tests.servers.rabbitmq import RabbitMqServer


@pytest.fixture(autouse=True)
def patient_with_healing(monkeypatch: pytest.MonkeyPatch) -> None:
    """How soon all is well again is what `make faults` tells; here other tests run beside it."""
    monkeypatch.setattr(arena, "HEALED_SECONDS", 180)


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[MariaDbServer, RabbitMqServer]]:
    """MariaDB and RabbitMQ of this module's own."""
    missing = arena.why_not()
    if missing:
        pytest.skip(missing)
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # a server that starts is no news
    with arena.servers(tmp_path_factory.mktemp("servers")) as both:
        yield both

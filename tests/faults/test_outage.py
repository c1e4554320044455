"""Without RabbitMQ every page and every API call works, and all catches up afterwards."""

from pathlib import Path

from tests.faults.arena import Arena
from tests.faults.outage import live_through
from tests.faults.walk import is_known, lines
from tests.servers.mariadb import MariaDbServer
from tests.servers.rabbitmq import RabbitMqServer

DOWN_SECONDS = 20


def test_it_is_known_how_to_call_every_route() -> None:
    unknown = [str(line) for line in lines() if not is_known(line)]
    assert unknown == [], "say in tests/faults/walk.py how to call these"


def test_everything_works_without_rabbitmq_and_catches_up(
    servers: tuple[MariaDbServer, RabbitMqServer], tmp_path: Path
) -> None:
    ring = Arena(tmp_path, *servers)
    try:
        ring.start(seed=None)
        live_through(ring, DOWN_SECONDS, print)
    finally:
        ring.stop()

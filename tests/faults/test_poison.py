"""Malformed messages stop nobody: each is parked with its reason, and good ones go on."""

import secrets
from pathlib import Path
from random import Random

import pytest

from chassis.events import NotUnderstood, decode
from tests.faults.arena import Arena
from tests.faults.malformed import some
from tests.faults.poison import live_through
from tests.servers.mariadb import MariaDbServer
from tests.servers.rabbitmq import RabbitMqServer

HOW_MANY = 3_000


def test_none_of_the_malformed_messages_can_be_understood() -> None:
    chance = Random(1)
    for message in some(chance, 3_000, "analytics"):
        with pytest.raises(NotUnderstood, match=message.reason):
            decode(message.body)


def test_malformed_messages_are_parked_and_their_neighbours_go_on(
    servers: tuple[MariaDbServer, RabbitMqServer], tmp_path: Path
) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}")
    ring = Arena(tmp_path, *servers)
    try:
        ring.start(seed=None)
        live_through(ring, HOW_MANY, Random(seed), print)
    finally:
        ring.stop()

"""Each fault once under load, in short; `make faults` does each many times, and longer."""

import secrets
from pathlib import Path
from random import Random

from tests.faults import campaign
from tests.faults.arena import Arena
from tests.faults.strikes import FAULTS
from tests.servers.mariadb import MariaDbServer
from tests.servers.rabbitmq import RabbitMqServer

MOST_SECONDS = 2.0


def test_nothing_acknowledged_is_lost_or_doubled_whatever_fails(
    servers: tuple[MariaDbServer, RabbitMqServer], tmp_path: Path
) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}")
    chance = Random(seed)
    faults = chance.sample(list(FAULTS), len(FAULTS))
    ring = Arena(tmp_path, *servers)
    try:
        ring.start(seed)
        survived = campaign.run(ring, faults, chance, MOST_SECONDS, print)
    finally:
        ring.stop()
    print(campaign.table(survived))
    assert all(each.acknowledged for each in survived), "no load, no test"

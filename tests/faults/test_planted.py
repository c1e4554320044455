"""The checker proves itself: faults planted in the code are caught, and only when struck."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.faults import planted
from tests.faults.arena import Arena
from tests.faults.campaign import survive
from tests.faults.journal import BrokenPromise
from tests.faults.strikes import Blow, Strike, lose_on_the_way_to_the_broker
from tests.servers.mariadb import MariaDbServer
from tests.servers.process import OwnProcess
from tests.servers.rabbitmq import RabbitMqServer

Servers = tuple[MariaDbServer, RabbitMqServer]

# What the way of a fee needs; the others would only make the start longer.
SERVICES = ("auth", "tasks", "accounts")
LEDGER = "worker-accounts"
# Who sends what is written about tasks.
SENDERS = ("web-tasks", "worker-tasks")
GATHERING_SECONDS = 1.0
MOST_ROUNDS = 25
HEALTHY_ROUNDS = 2


def _hand_over_a_batch(blow: Blow) -> None:
    """The ledger's worker stands still until there is work, and then gets all of it at once."""
    processes = blow.arena.popug.processes
    processes.pause(LEDGER)
    time.sleep(GATHERING_SECONDS)
    processes.go_on(LEDGER)


def _hold_up_a_batch(blow: Blow) -> OwnProcess:
    """The ledger's worker has a batch and waits for the database, which stands still."""
    database, processes = blow.arena.database.process, blow.arena.popug.processes
    assert database
    processes.pause(LEDGER)
    time.sleep(GATHERING_SECONDS)
    database.pause()
    processes.go_on(LEDGER)
    time.sleep(0.5)
    return database


def _kill_in_transaction(blow: Blow) -> None:
    database = _hold_up_a_batch(blow)
    blow.arena.popug.processes.kill(LEDGER)
    database.go_on()


def _lose_acknowledgement(blow: Blow) -> None:
    """The batch is committed, and the broker cannot be told any more."""
    database = _hold_up_a_batch(blow)
    blow.arena.to_broker.cut(reset=True)
    database.go_on()


def _kill_between_commits(blow: Blow) -> None:
    _hand_over_a_batch(blow)
    time.sleep(blow.chance.uniform(0, 2 * planted.GAP_SECONDS))
    blow.arena.popug.processes.kill(LEDGER)


@dataclass(frozen=True)
class Case:
    """A planted fault, the processes that have it, what brings it out, the checker's words."""

    fault: str
    processes: tuple[str, ...]
    strike: Strike
    says: str


CASES = (
    Case("no-inbox", (LEDGER,), _lose_acknowledgement, "charged|rewards"),
    Case("mark-before-publish", SENDERS, lose_on_the_way_to_the_broker, "charged|rewards"),
    Case("ack-before-commit", (LEDGER,), _kill_in_transaction, "charged|rewards"),
    # With the entries the batch counts as applied: what else was in it is lost, or its balances.
    Case(
        "entries-without-balances",
        (LEDGER,),
        _kill_between_commits,
        "entries come to|balance|charged|rewards",
    ),
    # What was committed by half cannot be booked again: it may be parked with its neighbours.
    Case("sides-apart", (LEDGER,), _kill_between_commits, "the ledger|charged|rewards"),
)


def _round(ring: Arena, strike: Strike, chance: Random) -> None:
    survive(ring, "a planted fault", strike, chance, 1.0)
    ring.check_ledger()


@pytest.fixture
def begin(servers: Servers, tmp_path: Path) -> Iterator[Callable[..., Arena]]:
    """Starts a small system under load; it is ended afterwards."""

    def start(seed: int, **programs: list[str]) -> Arena:
        named = {name.replace("_", "-"): program for name, program in programs.items()}
        # Whoever else books between two commits that should be one (a day that is closed, the
        # other lane with a shuffle) would bring a planted fault out without any blow.
        ring = Arena(tmp_path, *servers, SERVICES, named, office_works=not named)
        started.append(ring)
        ring.start(seed)
        return ring

    started: list[Arena] = []
    yield start
    for ring in started:
        ring.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fault)
def test_a_planted_fault_is_caught(case: Case, begin: Callable[..., Arena]) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}")
    chance = Random(seed)
    ring = begin(seed, **dict.fromkeys(case.processes, planted.program(case.fault)))
    if case.fault != "no-inbox":  # a busy sender may send twice without any blow
        _round(ring, lambda _blow: None, chance)  # nothing is to be seen while nothing fails
    with pytest.raises(BrokenPromise, match=case.says) as caught:
        for number in range(MOST_ROUNDS):
            print(f"round {number + 1}")
            _round(ring, case.strike, chance)
    print(caught.value)


def test_the_code_as_it_is_survives_what_brought_them_out(begin: Callable[..., Arena]) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}")
    chance = Random(seed)
    ring = begin(seed)
    strikes = {case.strike for case in CASES}
    for strike in sorted(strikes, key=lambda strike: strike.__name__):
        for _ in range(HEALTHY_ROUNDS):
            _round(ring, strike, chance)

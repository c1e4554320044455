"""Events a second from the outbox of tasks through RabbitMQ into accounts and analytics.

EVENTS assignments wait in the outbox while its relay stands still; the clock runs from the
moment when it goes on until both inboxes hold the last of them. Three ways do it, one after
the other, in the same tables: Popug's own workers, the same work by hand in the same
batches (the limit), and by hand with one event, one transaction and one confirmation at a
time (the naive way).
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.figures import Figure, Report
from bench.servers import Place, place, running, until_said
from chassis.database import Transaction
from chassis.ids import new_id
from contracts.tasks import TaskAssigned
from tests import mariadb

EVENTS, NAIVE_EVENTS = 20_000, 1_000
PER_TRANSACTION = 1_000
FEE_CENTS = 1_500
LONGEST_SECONDS = 300
POPUG = [sys.executable, "-m", "popug", "worker"]
BY_HAND = [sys.executable, "-m", "bench.by_hand.pipeline"]


@dataclass(frozen=True)
class Way:
    """One way to do the work: a program for each part, and how many of each."""

    name: str
    commands: Sequence[Sequence[str]]
    ready: str
    events: int = EVENTS


def popug(ledgers: int = 1) -> Way:
    """Popug's own workers."""
    services = ["tasks", *["accounts"] * ledgers, "analytics"]
    name = "Popug" if ledgers == 1 else f"Popug, {ledgers} workers of accounts"
    return Way(name, [[*POPUG, each] for each in services], '"worker started"')


def by_hand(naive: bool) -> Way:
    """The same by hand."""
    mode = "naive" if naive else "batches"
    return Way(
        "naive" if naive else "by hand",
        [[*BY_HAND, part, mode] for part in ("relay", "ledger", "days")],
        '"ready"',
        NAIVE_EVENTS if naive else EVENTS,
    )


def measure(report: Report, runs: int) -> None:
    """1, 1,000 and 100,000 accounts, and two workers of accounts."""
    thousand = None
    for accounts in (1_000, 1, 100_000):
        with place() as at:
            users = [new_id() for _ in range(accounts)]
            _open_accounts(at, users)
            ways = [popug(), by_hand(naive=False)]
            if accounts == 1_000:
                ways += [by_hand(naive=True), popug(ledgers=2)]
            found = [[each_second(at, way, users) for way in ways] for _ in range(runs)]
        shown = [
            Figure(f"{way.name}, {accounts:,} accounts", "events/s", [run[n] for run in found])
            for n, way in enumerate(ways)
        ]
        ours, limit = shown[:2]
        report.add(ours, limit, ours.over(limit, f"of the limit, {accounts:,} accounts"))
        if thousand is None:
            thousand = ours
            report.add(shown[2], ours.over(shown[2], "of the naive way"), shown[3])
            report.add(shown[3].over(ours, "two workers of accounts to one"))
        else:
            report.add(ours.over(thousand, f"{accounts:,} accounts to 1,000"))


def each_second(at: Place, way: Way, users: Sequence[str]) -> float:
    """Events a second, by one way."""
    before = {name: at.count(name, "inbox") for name in ("accounts", "analytics")}
    said = at.log.read_text().count(way.ready) if at.log.exists() else 0
    with running(at, way.commands) as processes:
        until_said(at, way.ready, said + len(processes))
        relay = processes[0]
        relay.pause()
        fill(at, way.events, users)
        began = time.monotonic()
        relay.go_on()
        for service, rows in before.items():
            _await(at, service, rows + way.events)
        seconds = time.monotonic() - began
    _check(at, before["accounts"] + way.events)
    return way.events / seconds


def fill(at: Place, events: int, users: Sequence[str]) -> None:
    """Write assignments to the outbox of tasks, as its shuffles do."""
    database = at.databases["tasks"]
    for start in range(0, events, PER_TRANSACTION):
        numbers = range(start, min(start + PER_TRANSACTION, events))
        database.run_idempotent(emit, [users[n * 7_919 % len(users)] for n in numbers])


def emit(tx: Transaction, users: Sequence[str]) -> None:
    """An assignment for each of the users."""
    tx.emit(
        *(
            TaskAssigned(
                assignment_id=new_id(),
                task_id=new_id(),
                assignee_id=user,
                fee=FEE_CENTS,
                reward=2 * FEE_CENTS,
                reason="shuffled",
                assigned_at=datetime.now(UTC),
            )
            for user in users
        )
    )


def _open_accounts(at: Place, users: Sequence[str]) -> None:
    """Accounts with nothing in them, so that no run has to open them."""
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO `{at.schemas['accounts']}`.accounts (user_id, balance, updated_at)"
            " VALUES (%s, %s, %s)",
            [[user, 0, datetime.now(UTC).replace(tzinfo=None)] for user in users],
        )
        connection.commit()


def _await(at: Place, service: str, rows: int) -> None:
    """Until an inbox holds as many rows: looked at rarely, for counting costs, too."""
    until = time.monotonic() + LONGEST_SECONDS
    while at.count(service, "inbox") < rows:
        if time.monotonic() > until:
            raise TimeoutError(f"{service} did not hear all; its log: {at.log}")
        time.sleep(0.02)


def _check(at: Place, events: int) -> None:
    """Nothing is lost or doubled on the fast way."""
    for table, figure, expected in (
        ("entries", "COUNT(*)", 2 * events),
        ("entries", "SUM(sum)", 0),
        ("accounts", "SUM(balance)", -FEE_CENTS * events),
    ):
        with mariadb.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT {figure} FROM `{at.schemas['accounts']}`.{table}")
            row = cursor.fetchone()
        assert row and int(row[0]) == expected, (table, figure, row, expected)

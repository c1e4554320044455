"""Closing a business day: the payouts of 1,000, 10,000 and 100,000 popugs.

Every account has a positive balance. The clock runs from the order to close until the day is
closed: both sides of each payout's entry, the balance, and the event in the outbox. Three ways
do it, each in a database of its own that was filled alike: Popug, the same work by hand in
chunks (the limit), and by hand with a transaction for each account (the naive way, on
NAIVE_ACCOUNTS). Beside it stands by how much a closing process has grown at its peak.

Then the way to the mails: workers of accounts, billing and mailer on RabbitMQ, and the clock
runs until billing has all payouts and mailer all mails; beside it the same by hand, from the
closing on. The start of the program that closes, a second or two, is in both. (Popug's mailer
sends meanwhile: it asks for addresses, and nobody answers.)

`--large` adds 1,000,000 accounts, and 100,000 on the way to the mails.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from bench.figures import Figure, Report
from bench.ledgers import EARNED_CENTS, fill, ledger, schema_of
from bench.servers import Place, place, running, until_said
from tests import mariadb

SIZES, TO_THE_MAILS = (1_000, 10_000, 100_000), (1_000, 10_000)
LARGE_SIZES, LARGE_TO_THE_MAILS = (*SIZES, 1_000_000), (*TO_THE_MAILS, 100_000)
NAIVE_ACCOUNTS = 500
LONGEST_SECONDS = 600
LOOK_SECONDS = 0.05

POPUG = ("bench.closer",)
BY_HAND, NAIVE = ("bench.by_hand.payday", "chunks"), ("bench.by_hand.payday", "naive")
# Seconds, and megabytes that the process has grown by.
Took = Mapping[str, float]


@dataclass(frozen=True)
class Chain:
    """A way from the closing to the mails."""

    name: str
    closer: Sequence[str]
    workers: Sequence[Sequence[str]]
    ready: str


# Popug's workers come first: they make the queues.
CHAINS = (
    Chain(
        "Popug",
        POPUG,
        [[sys.executable, "-m", "popug", "worker", w] for w in ("accounts", "billing", "mailer")],
        '"worker started"',
    ),
    Chain(
        "by hand",
        BY_HAND,
        [[sys.executable, "-m", "bench.by_hand.mails", w] for w in ("relay", "payouts", "mails")],
        '"ready"',
    ),
)


def measure(report: Report, runs: int) -> None:
    """Closing at each size, whether it is linear, and the way to the mails."""
    naive = [close(NAIVE, NAIVE_ACCOUNTS) for _ in range(runs)]
    slow = Figure("naive", "accounts/s", [NAIVE_ACCOUNTS / took["seconds"] for took in naive])
    report.add(slow)
    each: list[Figure] = []
    sizes = LARGE_SIZES if report.large else SIZES
    for accounts in sizes:
        each.append(_closing(report, accounts, runs, slow))
    for accounts, figure in zip(sizes[1:], each[1:], strict=True):
        first = each[0].over(figure, f"time per account, {accounts:,} to {sizes[0]:,}")
        report.add(first)
    with place() as at:
        for accounts in LARGE_TO_THE_MAILS if report.large else TO_THE_MAILS:
            found = [[to_the_mails(at, way, accounts) for way in CHAINS] for _ in range(runs)]
            ours, limit = (
                Figure(f"{way.name} to the mails, {accounts:,} accounts", "accounts/s", values)
                for way, values in zip(CHAINS, zip(*found, strict=True), strict=True)
            )
            report.add(ours, limit, ours.over(limit, f"of the limit, {accounts:,} accounts"))


def _closing(report: Report, accounts: int, runs: int, slow: Figure) -> Figure:
    """Accounts a second of Popug at a size, and beside it what else is to be known."""
    found = [(close(POPUG, accounts), close(BY_HAND, accounts)) for _ in range(runs)]
    shown = f"{accounts:,} accounts"
    report.add(Figure(f"Popug, {shown}", "s", [mine["seconds"] for mine, _ in found]))
    rates = [
        Figure(f"{name}, {shown}", "accounts/s", [accounts / run[way]["seconds"] for run in found])
        for way, name in enumerate(("Popug", "by hand"))
    ]
    ours, limit = rates
    report.add(ours, limit, ours.over(limit, f"of the limit, {shown}"))
    report.add(ours.over(slow, f"of the naive way, {shown}"))
    for way, name in enumerate(("Popug", "by hand")):
        grown = [run[way]["megabytes"] for run in found]
        report.add(Figure(f"{name} grows by, {shown}", "MB", grown))
    return ours


def close(way: Sequence[str], accounts: int) -> Took:
    """Close a day of as many accounts, in a database of its own."""
    day = datetime.now(UTC).date()
    with ledger(accounts, day) as url:
        took = run(way, day, url, os.environ)
        _check(schema_of(url), accounts)
    return took


def run(way: Sequence[str], day: date, url: str, environment: Mapping[str, str]) -> Took:
    """Let a program close the day in a database; what it says it took."""
    module, *more = way
    done = subprocess.run(
        [sys.executable, "-m", module, day.isoformat(), *more],
        env={**environment, "POPUG_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def to_the_mails(at: Place, chain: Chain, accounts: int) -> float:
    """Accounts a second, from the order to close until billing and mailer have heard all."""
    day = datetime.now(UTC).date()
    _empty(at)
    said = at.log.read_text().count(chain.ready) if at.log.exists() else 0
    with running(at, chain.workers):
        until_said(at, chain.ready, said + len(chain.workers))
        fill(at.schemas["accounts"], accounts, day)
        began = time.monotonic()
        run(chain.closer, day, at.environment["POPUG_DATABASE_URL"], at.environment)
        for service, table in (("billing", "payouts"), ("mailer", "mails")):
            _await(at, service, table, accounts)
        seconds = time.monotonic() - began
    _check(at.schemas["accounts"], accounts)
    return accounts / seconds


def _empty(at: Place) -> None:
    """A company in which nothing has happened yet. TRUNCATE asks no trigger."""
    tables = {
        "accounts": ("entries", "accounts", "business_days", "outbox"),
        "billing": ("payouts", "payout_transitions", "inbox"),
        "mailer": ("mails", "inbox"),
    }
    with mariadb.connect() as connection, connection.cursor() as cursor:
        for service, names in tables.items():
            for name in names:
                cursor.execute(f"TRUNCATE TABLE `{at.schemas[service]}`.{name}")
        cursor.execute(f"UPDATE `{at.schemas['accounts']}`.ledger_state SET closing_through = NULL")
        connection.commit()


def _await(at: Place, service: str, table: str, rows: int) -> None:
    until = time.monotonic() + LONGEST_SECONDS
    while at.count(service, table) < rows:
        if time.monotonic() > until:
            raise TimeoutError(f"{service} did not hear all; its log: {at.log}")
        time.sleep(LOOK_SECONDS)


def _check(schema: str, accounts: int) -> None:
    """Everybody was paid, once, and has nothing left."""
    for query, expected in (
        ("SELECT COUNT(*) FROM {}.outbox", accounts),
        ("SELECT SUM(sum) FROM {}.entries", 0),
        ("SELECT SUM(balance) + COUNT(*) FROM {}.accounts", accounts),
        ("SELECT COUNT(DISTINCT user_id) FROM {}.entries WHERE kind = 'payout'", accounts),
        ("SELECT SUM(sum) FROM {}.entries WHERE kind = 'payout' AND side = 'company'",
         EARNED_CENTS * accounts),
        ("SELECT payouts FROM {}.business_days WHERE status = 'closed'", accounts),
    ):  # fmt: skip
        with mariadb.connect() as connection, connection.cursor() as cursor:
            cursor.execute(query.format(schema))
            row = cursor.fetchone()
        assert row and int(row[0]) == expected, (query, row, expected)

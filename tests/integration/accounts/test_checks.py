"""Each invariant of the ledger is checked, and each check has caught a planted fault."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta

import pytest

from accounts import checks, closing, service
from chassis.database import Database
from tests.integration.accounts.desk import TODAY, assert_sound, assigned, at, closed
from tests.support import Workbench

YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture
def books(workbench: Callable[..., Workbench]) -> Database:
    """A sound ledger: yesterday closed with a payout of 7.00 to Ann, today open."""
    bench = workbench(service)
    bench.hear(closed("t0", "ann", 700, at(9)), assigned("a0", "bob", 1500, at(9)))
    database = bench.runtime().database
    closing.close_day(database, YESTERDAY, "carol")
    bench.hear(assigned("a1", "ann", 1000), closed("t1", "ann", 3000))
    assert_sound(database)
    return database


def _tamper(database: Database, *statements: str) -> None:
    """Change the file behind the guards' back."""
    connection = sqlite3.connect(str(database.engine.url.database))
    for trigger in ("update", "delete", "replace"):
        connection.execute(f"DROP TRIGGER entries_no_{trigger}")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    for statement in statements:
        assert connection.execute(statement).rowcount > 0
    connection.commit()
    connection.close()


def _entry(number: int, side: str, kind: str, user_id: str, day: str, amount: int) -> str:
    balance = "0" if side == "popug" else "NULL"
    return (
        "INSERT INTO entries (transaction_id, side, kind, source_id, user_id, occurred_at, day, "
        f"sum, balance, note, posted_at) VALUES ('x{number}', '{side}', '{kind}', 'x{number}', "
        f"'{user_id}', '2026-03-09', '{day}', {amount}, {balance}, '', '2026-03-10')"
    )


def _pair(number: int, kind: str, user_id: str, day: str, amount: int) -> tuple[str, str]:
    return (
        _entry(number, "popug", kind, user_id, day, amount),
        _entry(number, "company", kind, user_id, day, -amount),
    )


def _failed(database: Database) -> dict[str, str]:
    return {check.name: check.detail for check in database.read(checks.run) if not check.ok}


FAULTS = [
    (
        "every transaction has two sides that sum to zero",
        ["UPDATE entries SET sum = sum + 1 WHERE side = 'company' AND source_id = 'a0'"],
        None,
    ),
    (
        "every transaction has two sides that sum to zero",
        [_entry(1, "popug", "fee", "ann", "2026-03-10", 0)],
        "x1",
    ),
    (
        "the whole ledger sums to zero",
        ["UPDATE entries SET sum = sum + 3 WHERE side = 'company' AND source_id = 'a0'"],
        "3",
    ),
    (
        "each balance is the sum of the account's entries",
        ["UPDATE accounts SET balance = balance + 1 WHERE user_id = 'bob'"],
        "bob",
    ),
    ("each entry belongs to an account", ["DELETE FROM accounts WHERE user_id = 'bob'"], "bob"),
    (
        "each balance is the one on the account's last entry",
        ["UPDATE entries SET balance = 1 WHERE source_id = 't1' AND side = 'popug'"],
        "ann",
    ),
    (
        "each entry's balance follows from the entries before it",
        ["UPDATE entries SET balance = 1 WHERE source_id = 'a1' AND side = 'popug'"],
        None,
    ),
    (
        "one payout per account and day, and a positive one",
        _pair(1, "payout", "ann", "2026-03-09", -1),
        "ann 2026-03-09",
    ),
    (
        "one payout per account and day, and a positive one",
        _pair(1, "payout", "bob", "2026-03-09", 5),
        "bob 2026-03-09",
    ),
    (
        "each day's figures are those of its payouts",
        ["UPDATE business_days SET amount = amount + 1"],
        "2026-03-09",
    ),
    (
        "each day's figures are those of its payouts",
        ["UPDATE business_days SET payouts = 2"],
        "2026-03-09",
    ),
    (
        "each company day is the sum of its entries",
        ["UPDATE company_sums SET rewards = rewards + 1 WHERE date = '2026-03-09'"],
        "2026-03-09",
    ),
    (
        "each company day is the sum of its entries",
        ["DELETE FROM company_sums WHERE date = '2026-03-10'"],
        "2026-03-10",
    ),
    (
        "payouts are of closed days only",
        _pair(1, "payout", "ann", "2026-03-10", -1),
        "2026-03-10",
    ),
    (
        "nothing is booked on a day after its closing began",
        _pair(1, "fee", "bob", "2026-03-09", -5),
        "x1",
    ),
    (
        "nothing is booked on a day after its closing began",
        _pair(1, "fee", "bob", "2026-03-01", -5),
        "x1",
    ),
    (
        "closed days left nobody in credit",
        _pair(1, "reward", "bob", "2026-03-09", 5_000),
        "bob",
    ),
]


@pytest.mark.parametrize(("name", "statements", "named"), FAULTS)
def test_a_planted_fault_is_found_and_named(
    books: Database, name: str, statements: list[str], named: str | None
) -> None:
    _tamper(books, *statements)
    failed = _failed(books)
    assert name in failed
    assert failed[name] == named or (named is None and failed[name])


def test_no_check_goes_without_a_planted_fault(books: Database) -> None:
    assert {check.name for check in books.read(checks.run)} == {name for name, *_ in FAULTS}


def test_at_most_twenty_are_named(books: Database) -> None:
    _tamper(books, *[_entry(n, "popug", "fee", f"u{n}", "2026-03-10", 0) for n in range(30)])
    named = _failed(books)["each entry belongs to an account"].split(", ")
    assert len(named) == 21
    assert named[-1] == "and more"

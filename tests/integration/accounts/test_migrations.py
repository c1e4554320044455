"""What migrations make of a ledger that is there already."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from accounts import company_days, models
from accounts.calendar_rules import CompanyDay
from chassis import outbox
from chassis.database import Database
from chassis.migrations import differences, migrate
from tests.earlier_tables import empty_database, migrate_to, write

ENTRY = (
    "INSERT INTO entries (transaction_id, side, kind, source_id, user_id, occurred_at, day, sum,"
    " balance, reversed_kind, note, posted_at) VALUES (:id, 'company', :kind, :id, 'ann', :at,"
    " :day, :sum, NULL, :undone, '', :at)"
)
AT = "2026-03-10 12:00:00.000000"
BOOKED = [
    ("1", "fee", None, "2026-03-09", 1_000),
    ("2", "reward", None, "2026-03-09", -2_500),
    ("3", "payout", None, "2026-03-09", 1_500),
    ("4", "fee", None, "2026-03-10", 1_200),
    ("5", "fee", None, "2026-03-10", 1_300),
    ("6", "reversal", "fee", "2026-03-10", -1_000),
    ("7", "reversal", "payout", "2026-03-10", -1_500),
]


@pytest.fixture(params=["sqlite", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with empty_database(request.param, "accounts", tmp_path) as made:
        yield made


def test_company_days_of_a_ledger_that_is_there_are_added_up(database: Database) -> None:
    migrate_to(database, "accounts", "0005")
    names = ("id", "kind", "undone", "day", "sum")
    rows = [dict(zip(names, each, strict=True)) | {"at": AT} for each in BOOKED]
    write(database, ENTRY, *rows)
    assert migrate(database, "accounts")
    assert differences(database, models.metadata, outbox.metadata) == []
    first, second = date(2026, 3, 9), date(2026, 3, 10)
    assert database.read(company_days.figures, first, second) == {
        first: CompanyDay(first, fees=1_000, rewards=2_500, payouts=1_500),
        second: CompanyDay(second, fees=2_500, corrected=-1_000),
    }

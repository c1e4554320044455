"""What migrations make of rows that are there already."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from chassis.database import Database
from chassis.migrations import migrate
from tests.earlier_tables import empty_database, migrate_to, write

AT = "2026-03-10 12:00:00.000000"


@pytest.fixture(params=["sqlite", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of billing on either engine."""
    with empty_database(request.param, "billing", tmp_path) as made:
        yield made


def add_payout(database: Database, payout_id: str, status: str, retries: int, ref: str | None,
               *failures: str) -> None:  # fmt: skip
    write(
        database,
        "INSERT INTO payouts (id, user_id, date, amount, currency, status, gateway, "
        "idempotency_key, gateway_ref, attempts, reason, created_at, updated_at, retries) VALUES "
        "(:id, :id, '2026-03-09', 100, 'USD', :status, 'bank', :key, :ref, 1, 'x', :at, :at, :n)",
        {"id": payout_id, "status": status, "key": f"k-{payout_id}", "ref": ref, "at": AT,
         "n": retries},
    )  # fmt: skip
    write(
        database,
        "INSERT INTO payout_transitions (payout_id, from_status, to_status, at, `by`, why) "
        "VALUES (:id, 'succeeded', 'failed', :at, 'bank', :why)",
        *({"id": payout_id, "at": AT, "why": why} for why in failures),
    )


def test_what_the_reasons_told_of_money_that_came_back_is_taken_over(database: Database) -> None:
    back = "returned by the bank: account closed"
    migrate_to(database, "billing", "0007")
    add_payout(database, "p1", "failed", 0, "R1", back)
    add_payout(database, "p2", "cancelled", 11, "R2", "declined", back)
    add_payout(database, "p3", "failed", 1, "R3", back, "declined")
    add_payout(database, "p4", "failed", 0, None, back)
    add_payout(database, "p5", "succeeded", 1, "R5", back)
    assert migrate(database, "billing")
    with database.reading() as reading:
        found = reading.execute(
            text("SELECT gateway, `key`, reference, payout_id FROM payout_returns ORDER BY id")
        )
        assert [tuple(row) for row in found] == [
            ("bank", "k-p1", "R1", "p1"),
            ("bank", "k-p2.11", "R2", "p2"),
        ]

"""The database itself refuses to change the ledger (rule 9)."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from accounts.models import entries
from chassis.database import Database
from tests.integration.accounts.desk import assigned, booked
from tests.support import Workbench

COLUMNS = (
    "transaction_id, side, kind, source_id, user_id, task_id, occurred_at, day, sum, balance, "
    "reversed_kind, reverses, note, made_by, posted_at"
)


@pytest.fixture
def stranger(bench: Workbench, database: Database) -> Iterator[sqlite3.Connection]:
    """Somebody with the file and a plain connection, as any tool opens it."""
    bench.hear(assigned("a1", "ann", 1500))
    connection = sqlite3.connect(Path(str(database.engine.url.database)))
    yield connection
    connection.rollback()
    connection.close()


def test_our_own_statements_are_refused(bench: Workbench, database: Database) -> None:
    bench.hear(assigned("a1", "ann", 1500))
    for statement in (update(entries).values(sum=1), delete(entries)):
        with pytest.raises(IntegrityError, match="append-only"), database.transaction() as tx:
            tx.execute(statement)
    assert booked(database, "sum") == [-1500]


CHANGES = [
    "UPDATE entries SET sum = 1",
    "UPDATE entries SET note = 'x' WHERE side = 'company'",
    "UPDATE OR REPLACE entries SET position = 77",
    "DELETE FROM entries",
    "DELETE FROM entries WHERE position = 1",
    f"REPLACE INTO entries (position, {COLUMNS}) SELECT position, {COLUMNS} FROM entries",
    f"INSERT OR REPLACE INTO entries (position, {COLUMNS}) SELECT 1, {COLUMNS} FROM entries",
    f"REPLACE INTO entries ({COLUMNS}) SELECT {COLUMNS} FROM entries",
    f"REPLACE INTO entries ({COLUMNS}) SELECT {COLUMNS.replace('transaction_id', ':x')} "
    "FROM entries",
    f"REPLACE INTO entries ({COLUMNS}) SELECT {COLUMNS.replace('source_id', ':x')} FROM entries",
    f"INSERT INTO entries ({COLUMNS}) SELECT {COLUMNS} FROM entries "
    "WHERE TRUE ON CONFLICT (transaction_id, side) DO UPDATE SET sum = 1",
]


def test_a_stranger_is_refused(stranger: sqlite3.Connection) -> None:
    before = stranger.execute("SELECT * FROM entries").fetchall()
    for statement in CHANGES:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            stranger.execute(statement, {"x": "other"} if ":x" in statement else {})
        assert stranger.execute("SELECT * FROM entries").fetchall() == before, statement


def test_a_payout_that_takes_money_cannot_be_stored(stranger: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="ck_entries_payout_is_positive"):
        stranger.execute(
            f"INSERT INTO entries ({COLUMNS}) VALUES ('x', 'popug', 'payout', 'x', 'ann', NULL, "
            "'2026-03-10', '2026-03-10', 1, 1, NULL, NULL, '', NULL, '2026-03-10')"
        )

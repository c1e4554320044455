"""Every table that is declared append-only refuses change, whoever asks (SQLite).

What a service's own user may do on MariaDB and MySQL is in test_rights.
"""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, delete, update
from sqlalchemy.exc import IntegrityError

from accounts.models import late_entries
from billing.history import payout_transitions
from billing.returns import payout_returns
from chassis.database import Database
from popug.system import system
from tests.support import NOON, Workbench

ROWS: dict[str, dict[str, Any]] = {
    "late_entries": {"transaction_id": "x", "own_day": date(2026, 3, 9)},
    "payout_transitions": {
        "payout_id": "p1",
        "from_status": "ready",
        "to_status": "sending",
        "at": NOON,
        "by": "sender",
        "why": "attempt 1",
    },
    "payout_returns": {
        "gateway": "sandbox",
        "key": "k",
        "reference": "R1",
        "payout_id": "p1",
        "at": NOON,
    },
}
# What must be another one in another row.
OTHERS = {"late_entries": {"transaction_id": "y"}, "payout_returns": {"reference": "R2"}}
TABLES = {
    table.name: (name, table)
    for name, table in (
        ("accounts", late_entries),
        ("billing", payout_transitions),
        ("billing", payout_returns),
    )
}


@pytest.fixture(params=sorted(TABLES))
def table(request: pytest.FixtureRequest) -> Table:
    return TABLES[request.param][1]


@pytest.fixture
def database(workbench: Callable[..., Workbench], table: Table) -> Database:
    """A database with one row in the table."""
    service = next(each for each in system.services if each.name == TABLES[table.name][0])
    database = workbench(service).runtime().database
    with database.transaction() as tx:
        tx.insert(table, [ROWS[table.name]])
    return database


@pytest.fixture
def stranger(database: Database) -> Iterator[sqlite3.Connection]:
    """Somebody with the file and a plain connection, as any tool opens it."""
    connection = sqlite3.connect(Path(str(database.engine.url.database)))
    yield connection
    connection.close()


def test_these_and_the_ledger_are_all_there_are() -> None:
    """`entries` has more keys, and tests of its own in accounts/."""
    declared = {
        table.name
        for service in system.services
        for table in service.metadata.tables.values()
        if table.info.get("append_only")
    }
    assert declared == {"entries", *TABLES}


def test_our_own_statements_are_refused(database: Database, table: Table) -> None:
    key = next(iter(table.primary_key))
    for statement in (update(table).values({key: key}), delete(table)):
        with pytest.raises(IntegrityError, match="append-only"), database.transaction() as tx:
            tx.execute(statement)


def test_a_strangers_too(stranger: sqlite3.Connection, table: Table) -> None:
    before = stranger.execute(f"SELECT * FROM {table.name}").fetchall()
    column = list(table.columns)[-1].name
    key = next(iter(table.primary_key)).name
    for statement in (
        f"UPDATE {table.name} SET {column} = {column}",
        f"UPDATE OR REPLACE {table.name} SET {key} = 77",
        f"DELETE FROM {table.name}",
        f"REPLACE INTO {table.name} SELECT * FROM {table.name}",
        f"INSERT INTO {table.name} SELECT * FROM {table.name} WHERE TRUE "
        f"ON CONFLICT ({key}) DO UPDATE SET {column} = {column}",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            stranger.execute(statement)
        stranger.rollback()
        assert stranger.execute(f"SELECT * FROM {table.name}").fetchall() == before, statement


def test_more_can_be_appended(database: Database, table: Table) -> None:
    more = ROWS[table.name] | OTHERS.get(table.name, {})
    with database.transaction() as tx:
        tx.insert(table, [more])
    with database.reading() as reading:
        assert len(reading.execute(table.select()).all()) == 2

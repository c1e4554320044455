"""Engines: how SQLite, MySQL and MariaDB are opened, and what their errors mean.

On SQLite a write begins with BEGIN IMMEDIATE: the default of the driver loses
read-then-update writes silently when two threads meet. On MySQL and MariaDB the
isolation is READ COMMITTED.
"""

import sqlite3

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

DEADLOCK, LOCK_WAIT_TIMEOUT = 1213, 1205
BUSY_TIMEOUT_MS = 30_000


def open_engine(url: str) -> Engine:
    """The engine behind a URL; what is to be written asks for it by the option `writes`."""
    # Errors end up in logs and beside parked events; the values of a row have no place there.
    if url.startswith("sqlite"):
        engine = create_engine(
            url, pool_size=32, max_overflow=32, pool_timeout=30, hide_parameters=True
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        url,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        pool_size=16,
        hide_parameters=True,
    )


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",  # without it INSERT OR REPLACE slips past delete triggers
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def is_deadlock(error: OperationalError) -> bool:
    """Whether the same transaction may go through when it is tried again."""
    return _code(error) in (DEADLOCK, LOCK_WAIT_TIMEOUT)


def is_away(error: DBAPIError) -> bool:
    """Whether the database cannot be reached or is locked, whatever was asked of it."""
    if isinstance(error.orig, sqlite3.OperationalError):
        text = str(error.orig)
        return any(s in text for s in ("locked", "unable to open", "disk I/O", "is full"))
    return error.connection_invalidated or 2000 <= _code(error) < 3000


def _code(error: DBAPIError) -> int:
    first = error.orig.args[0] if error.orig and error.orig.args else 0
    return first if isinstance(first, int) else 0

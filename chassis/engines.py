"""Engines: how SQLite, MySQL and MariaDB are opened.

On SQLite a write begins with BEGIN IMMEDIATE: the default of the driver loses
read-then-update writes silently when two threads meet. On MySQL and MariaDB the
isolation is READ COMMITTED.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

from pymysql.constants.SERVER_STATUS import SERVER_STATUS_IN_TRANS
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError

from chassis.database_errors import is_gone
from chassis.rows import ManyRows

R = TypeVar("R")

BUSY_TIMEOUT_MS = 30_000
SWITCH_TRIES, SWITCH_PAUSE_SECONDS = 20, 0.05

# A server that no longer answers, or whose packets go nowhere, holds up no thread for long:
# a page, and then a readiness check, must have noticed within a minute.
CONNECT_SECONDS = 5
# The longest statement of a service, a wait for a lock included, takes far less.
ANSWER_SECONDS = 20
LOCK_WAIT_SECONDS = 10
# A process answers with 8 threads, or works with a relay, a consumer and some jobs.
POOL_SIZE, OVERFLOW = 8, 8
FREE_CONNECTION_SECONDS = 10
# A server that hears nothing for so long lets go: of a client whose machine is gone it would
# keep the transaction, and its locks, for eight hours. Longer than a relay waits for the broker.
IDLE_SECONDS = 25
# That a connection has ended is told at once, to who is not held up by a busy machine.
TOLD_SECONDS = 3.0
# Below what a firewall is likely to forget.
RECYCLE_SECONDS = 600
# What both servers know. A value that does not fit is refused, never cut to fit.
SQL_MODE = (
    "STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION"
)
# Whatever the server is set to: moments are written and read as UTC.
AT_CONNECT = (
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    f"SET SESSION sql_mode='{SQL_MODE}', time_zone='+00:00', "
    f"innodb_lock_wait_timeout={LOCK_WAIT_SECONDS}",
)


def open_engine(url: str, patient: bool = False) -> Engine:
    """The engine behind a URL; what is to be written asks for it by the option `writes`.

    On a server, who only looks may say so by the option `looks`: each of his statements is
    then a transaction of its own, without BEGIN and ROLLBACK and their ways to the server.
    `patient`: a statement may take as long as it takes, as migrations and rebuilds need.
    """
    # Errors end up in logs and beside parked events; the values of a row have no place there.
    if url.startswith("sqlite"):
        engine = create_engine(
            url, pool_size=32, max_overflow=32, pool_timeout=30, hide_parameters=True
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    answer_seconds = None if patient else ANSWER_SECONDS
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=OVERFLOW,
        pool_timeout=FREE_CONNECTION_SECONDS,
        pool_recycle=RECYCLE_SECONDS,
        hide_parameters=True,
        connect_args={
            "charset": "utf8mb4",
            "cursorclass": ManyRows,
            "autocommit": True,  # transactions begin where _begin_on_server says
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": answer_seconds,
            "write_timeout": answer_seconds,
        },
    )
    event.listen(engine, "connect", _prepare_server)
    if not patient:
        event.listen(engine, "connect", _be_let_go)
    event.listen(engine, "begin", _begin_on_server)
    # The pool calls it as well, whenever a connection is given back.
    engine.dialect.do_rollback = _roll_back  # type: ignore[method-assign, assignment]
    event.listen(engine, "handle_error", _forget_the_pool)
    return engine


def on_a_living_one(connection: Connection, first: Callable[[], R]) -> R:
    """The first thing that is asked on a connection of the pool, and again on a new one if it
    was ended while it lay there: by a restart, a firewall, or IDLE_SECONDS.

    Nothing was begun or read before, so that nobody notices. To ask each connection first
    whether it lives (`pool_pre_ping`) costs a way to the server and back for each page. That
    a connection is ended is told at once: one that is lost later was waited for, and is not
    waited for again.
    """
    began = time.monotonic()
    try:
        return first()
    except DBAPIError as lost:
        if not lost.connection_invalidated or time.monotonic() - began > TOLD_SECONDS:
            raise
        connection.rollback()  # of what never began; SQLAlchemy asks for it
        return first()


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says
    _use_a_log(connection)
    for pragma in (
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",  # without it INSERT OR REPLACE slips past delete triggers
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _use_a_log(connection: sqlite3.Connection) -> None:
    """WAL; where several open a new file at once, SQLite lets one switch and the others fail."""
    for left in reversed(range(SWITCH_TRIES)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if not left:
                raise
            time.sleep(SWITCH_PAUSE_SECONDS)


def _prepare_server(connection: DBAPIConnection, _: object) -> None:
    with closing(connection.cursor()) as cursor:
        for statement in AT_CONNECT:
            cursor.execute(statement)


def _be_let_go(connection: DBAPIConnection, _: object) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SET SESSION wait_timeout={IDLE_SECONDS}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_on_server(connection: Connection) -> None:
    if not connection.get_execution_options().get("looks"):
        connection.exec_driver_sql("BEGIN")


def _roll_back(connection: Any) -> None:
    """End what was begun; the server has said with its last answer whether anything is."""
    if connection.server_status & SERVER_STATUS_IN_TRANS:
        connection.rollback()


def _forget_the_pool(context: ExceptionContext) -> None:
    """Open all connections anew after an error that SQLAlchemy does not count as a lost one."""
    if context.original_exception is not None and is_gone(context.original_exception):
        context.is_disconnect = True

"""One service's database: reads, and transactions that end in one commit."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, Table
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from chassis import outbox
from chassis.clock import Clock, business_day
from chassis.engines import is_away, is_deadlock, open_engine
from chassis.settings import Settings

if TYPE_CHECKING:
    from chassis.events import Event

P = ParamSpec("P")
R = TypeVar("R")

TRIES_AT_A_DEADLOCK = 5
ROWS_PER_STATEMENT = 500


class DatabaseAway(Exception):
    """The database cannot be reached or is locked; the same work may succeed later."""


class Reading:
    """A read-only look at the database."""

    def __init__(self, connection: Connection, now: datetime, settings: Settings) -> None:
        self.connection = connection
        self.now = now
        self.settings = settings

    @property
    def today(self) -> date:
        """The business day that it is now, in the company's time zone."""
        return business_day(self.now, self.settings.zone)

    def execute(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement; with `rows`, once for all of them (an empty list runs nothing)."""
        if rows is None:
            return self.connection.execute(statement)
        return self.connection.execute(statement, list(rows))


class Transaction(Reading):
    """One change: everything in it, events included, is committed together or not at all.

    `now` is read once, so that all rows of one change carry the same moment.
    """

    def __init__(
        self, connection: Connection, now: datetime, settings: Settings, source: str
    ) -> None:
        super().__init__(connection, now, settings)
        self.source = source
        self._emitted: list[tuple[Event, str | None]] = []
        self.to_wake: set[str] = set()

    def emit(self, *events: "Event", traceparent: str | None = None) -> None:
        """Promise the events to the other services: they are sent if this commits.

        `traceparent` continues another trace than the current one (a batch of heard
        events holds many).
        """
        self._emitted += [(event, traceparent) for event in events]

    def wake(self, job: str) -> None:
        """Have this service's job of that name run as soon as this has committed."""
        self.to_wake.add(job)

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows as multi-row statements; none is fine."""
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            self.connection.execute(table.insert(), list(rows[start : start + ROWS_PER_STATEMENT]))

    def upsert(
        self,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        change: Callable[[Table, Any], Mapping[str, Any]],
    ) -> None:
        """Insert rows, or change those whose primary key is already there.

        `change(table, new)` gives the columns to set, from the stored row and the
        offered one: `lambda old, new: {"balance": old.c.balance + new.balance}`.
        """
        if not rows:
            return
        if self.connection.dialect.name == "sqlite":
            on_sqlite = sqlite.insert(table)
            statement: Any = on_sqlite.on_conflict_do_update(
                index_elements=list(table.primary_key),
                set_=dict(change(table, on_sqlite.excluded)),
            )
        else:
            on_mysql = mysql.insert(table)
            statement = on_mysql.on_duplicate_key_update(**change(table, on_mysql.inserted))
        self.connection.execute(statement, list(rows))

    def flush_events(self) -> bool:
        """Write the promised events to the outbox; says whether there were any."""
        outbox.store(self, self._emitted)
        return bool(self._emitted)


class Database:
    """A service's database behind one URL. Thread-safe."""

    def __init__(self, url: str, clock: Clock, settings: Settings, source: str) -> None:
        """`source` is the CloudEvents source of events emitted here, `/popug/tasks`."""
        self.url = url
        self.clock = clock
        self.settings = settings
        self.source = source
        self.engine = open_engine(url)
        self.on_events: Callable[[], None] = lambda: None
        self.on_wake: Callable[[str], None] = lambda _job: None
        # One writer at a time is SQLite's law; a fair lock beats its busy polling.
        self._writer = threading.Lock() if self.engine.dialect.name == "sqlite" else None

    @property
    def locks_rows(self) -> bool:
        """Whether one writer can hold rows while others write (SQLite has one writer)."""
        return self.engine.dialect.name != "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """A consistent look that takes no locks. Raises DatabaseAway."""
        with _away_if_unreachable(), self.engine.connect() as connection:
            yield Reading(connection, self.clock.now(), self.settings)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One write transaction: commits at the end, rolls back on any exception.

        Never nest two of one database, and never call another service inside.
        Raises DatabaseAway.
        """
        if in_transaction():
            raise RuntimeError("a transaction inside a transaction")
        emitted = False
        with self._turn(), _away_if_unreachable(), _marked():
            engine = self.engine.execution_options(writes=True)
            with engine.connect() as connection, connection.begin():
                tx = Transaction(connection, self.clock.now(), self.settings, self.source)
                yield tx
                emitted = tx.flush_events()
        if emitted:
            self.on_events()
        for job in tx.to_wake:
            self.on_wake(job)

    def run(
        self,
        change: Callable[Concatenate[Transaction, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """`change(tx, ...)` in a transaction of its own; a deadlock is tried again."""
        for attempt in range(TRIES_AT_A_DEADLOCK):
            try:
                with self.transaction() as tx:
                    return change(tx, *args, **kwargs)
            except OperationalError as error:
                if not is_deadlock(error) or attempt == TRIES_AT_A_DEADLOCK - 1:
                    raise
                time.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable: the last try returns or raises")

    def read(
        self, query: Callable[Concatenate[Reading, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """`query(reading, ...)` in a look of its own."""
        with self.reading() as reading:
            return query(reading, *args, **kwargs)

    def reachable(self) -> AbstractContextManager[None]:
        """Work on `engine` itself inside, where it must be. Raises DatabaseAway."""
        return _away_if_unreachable()

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._writer is None:
            yield
            return
        with self._writer:
            yield


_open = threading.local()


def in_transaction() -> bool:
    """Whether this thread is inside a write transaction (calls out are then refused)."""
    return bool(getattr(_open, "write", False))


@contextmanager
def _marked() -> Iterator[None]:
    _open.write = True
    try:
        yield
    finally:
        _open.write = False


@contextmanager
def _away_if_unreachable() -> Iterator[None]:
    try:
        yield
    except NoFreeConnection as error:
        raise DatabaseAway(str(error)) from error
    except OperationalError as error:
        if is_away(error):
            raise DatabaseAway(str(error.orig)) from error
        raise

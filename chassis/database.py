"""One service's database: reads, and transactions that end in one commit."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, RootTransaction, Table
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from chassis import outbox
from chassis import rows as many_rows
from chassis.clock import Clock, business_day
from chassis.database_errors import DatabaseAway, OutcomeUnknown, is_away, is_deadlock
from chassis.engines import on_a_living_one, open_engine
from chassis.once import TRIES_AT_A_DEADLOCK, run_once
from chassis.prepared import Prepared
from chassis.settings import Settings
from chassis.upserts import Change, upsert_of

if TYPE_CHECKING:
    from chassis.events import Event

P = ParamSpec("P")
R = TypeVar("R")

__all__ = ["Database", "DatabaseAway", "OutcomeUnknown", "Reading", "Transaction"]


class Reading:
    """A read-only look at the database."""

    def __init__(
        self, connection: Connection, now: datetime, settings: Settings, untried: bool = False
    ) -> None:
        """`untried`: the connection may have been ended while nobody used it."""
        self.connection = connection
        self.now = now
        self.settings = settings
        self._untried = untried

    @property
    def today(self) -> date:
        """The business day that it is now, in the company's time zone."""
        return business_day(self.now, self.settings.zone)

    def execute(
        self, statement: Executable | Prepared, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement; with `rows`, once for all of them (an empty list runs nothing)."""
        parameters: Any = None
        if isinstance(statement, Prepared):
            statement, parameters = statement
        elif rows is not None:
            parameters = list(rows)
        if not self._untried:
            return self.connection.execute(statement, parameters)
        self._untried = False
        return on_a_living_one(
            self.connection, lambda: self.connection.execute(statement, parameters)
        )


class Transaction(Reading):
    """One change: everything in it, events included, is committed together or not at all.

    `now` is read once, so that all rows of one change carry the same moment.
    """

    def __init__(
        self, connection: Connection, now: datetime, settings: Settings, source: str
    ) -> None:
        super().__init__(connection, now, settings)
        self.source = source
        self._emitted: list[outbox.Emitted] = []
        # What has gone into the outbox so far.
        self.written: list[outbox.Message] = []
        self.to_wake: set[str] = set()

    def emit(self, *events: "Event", traceparent: str | None = None, bulk: bool = False) -> None:
        """Promise the events to the other services: they are sent if this commits.

        `traceparent` continues another trace than the current one (a batch of heard
        events holds many). `bulk`: they are some of many, and let others pass.
        """
        self._emitted += [outbox.Emitted(event, traceparent, bulk) for event in events]

    def wake(self, job: str) -> None:
        """Have this service's job of that name run as soon as this has committed."""
        self.to_wake.add(job)

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows as multi-row statements; none is fine."""
        if rows:
            many_rows.insert(self.connection, table, rows)

    def upsert(
        self,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        change: Change,
    ) -> None:
        """Insert rows, or change those whose primary key is already there.

        `change(table, new)` gives the columns to set, from the stored row and the
        offered one: `lambda old, new: {"balance": old.c.balance + new.balance}`.
        """
        if rows:
            self.connection.execute(upsert_of(self.connection.dialect, table, change), list(rows))

    def flush_events(self) -> None:
        """Write the promised events to the outbox."""
        self.written += outbox.store(self, self._emitted)
        self._emitted = []

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Do what is inside as a whole; when it raises, that alone is undone, events too."""
        self.flush_events()
        waking, written = set(self.to_wake), list(self.written)
        try:
            with self.connection.begin_nested():
                yield
                self.flush_events()
        except BaseException:
            self._emitted = []
            self.to_wake, self.written = waking, written
            raise


class Database:
    """A service's database behind one URL. Thread-safe."""

    def __init__(
        self, url: str, clock: Clock, settings: Settings, source: str, patient: bool = False
    ) -> None:
        """`source` is the CloudEvents source of events emitted here, `/popug/tasks`.

        `patient`: a statement may take as long as it takes (on a server; see `engines`).
        """
        self.url = url
        self.clock = clock
        self.settings = settings
        self.source = source
        self.engine = open_engine(url, patient)
        self.on_events: Callable[[Sequence[outbox.Message]], None] = lambda _messages: None
        self.on_wake: Callable[[str], None] = lambda _job: None
        # One writer at a time is SQLite's law; a fair lock beats its busy polling.
        self._writer = threading.Lock() if self.engine.dialect.name == "sqlite" else None

    @property
    def locks_rows(self) -> bool:
        """Whether one writer can hold rows while others write (SQLite has one writer)."""
        return self.engine.dialect.name != "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """A look that takes no locks. Raises DatabaseAway.

        On SQLite all of it sees one moment, that of its first statement. On MySQL and MariaDB
        each statement sees what was committed before it: two of them may differ (READ COMMITTED).
        """
        with _away_if_unreachable(), self.engine.connect() as connection:
            connection.execution_options(looks=True)
            yield Reading(connection, self.clock.now(), self.settings, untried=True)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One write transaction: commits at the end, rolls back on any exception.

        Never nest two of one database, and never call another service inside.
        Raises DatabaseAway, and OutcomeUnknown if the connection is lost during COMMIT.
        """
        if in_transaction():
            raise RuntimeError("a transaction inside a transaction")
        with (
            self._turn(),
            _away_if_unreachable(),
            _writing(),
            self.engine.connect() as connection,
            _begun(connection) as begun,
        ):
            tx = Transaction(connection, self.clock.now(), self.settings, self.source)
            yield tx
            tx.flush_events()
            _commit(begun)
        self.tell(tx)

    def tell(self, tx: Transaction) -> None:
        """Have the relay and the jobs know of what a transaction has committed."""
        if tx.written:
            self.on_events(tx.written)
        for job in tx.to_wake:
            self.on_wake(job)

    def run(
        self,
        change: Callable[Concatenate[Transaction, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """`change(tx, ...)` in a transaction of its own, made exactly once.

        It may be called several times, as deadlocks and lost connections are tried again,
        so that all it does must be in the transaction. Raises DatabaseAway (nothing was
        changed), and OutcomeUnknown when the server is gone for longer in mid-COMMIT.
        """
        if self.locks_rows:
            return run_once(self, lambda tx: change(tx, *args, **kwargs))
        return self.run_idempotent(change, *args, **kwargs)

    def run_idempotent(
        self,
        change: Callable[Concatenate[Transaction, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """A change that its caller makes again until it knows that it is made, in any case.

        So it needs no mark, and a lost connection is the caller's to wait for: the relay
        and the inbox, which know by their own rows what is done. Raises DatabaseAway.
        """
        for attempt in range(TRIES_AT_A_DEADLOCK):
            try:
                with self.transaction() as tx:
                    return change(tx, *args, **kwargs)
            except OperationalError as error:
                if not is_deadlock(error):
                    raise
                if attempt == TRIES_AT_A_DEADLOCK - 1:
                    raise DatabaseAway(str(error.orig)) from error
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
def _writing() -> Iterator[None]:
    _open.write = True
    try:
        yield
    finally:
        _open.write = False


def _begun(connection: Connection) -> RootTransaction:
    # Said of the connection: an engine with options of its own would be made each time.
    connection.execution_options(writes=True)
    return on_a_living_one(connection, connection.begin)


def _commit(begun: RootTransaction) -> None:
    try:
        begun.commit()
    except DBAPIError as error:
        if is_away(error):
            raise OutcomeUnknown(str(error.orig)) from error
        raise


@contextmanager
def _away_if_unreachable() -> Iterator[None]:
    try:
        yield
    except NoFreeConnection as error:
        raise DatabaseAway(str(error)) from error
    except DBAPIError as error:
        if is_away(error):
            raise DatabaseAway(str(error.orig)) from error
        raise

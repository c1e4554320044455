"""The inbox: every event takes effect exactly once, or is parked with its reason.

The effect and the record "seen" are one commit. A batch that fails is done again one
by one, so that the bad event is found and its neighbours go on. A database that is away
is no fault of the event: nothing is parked for it, and the batch comes again.
"""

import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Column, Index, Select, Table, select
from sqlalchemy.exc import IntegrityError, OperationalError

from chassis import parking
from chassis.columns import Bytes, Code, Id, UtcDateTime
from chassis.database import Database, DatabaseAway, Reading, Transaction
from chassis.database_errors import is_about_the_data
from chassis.events import Envelope, Event, NotUnderstood, decode, type_of
from chassis.logs import log
from chassis.metrics import OTHER, Metrics
from chassis.outbox import metadata
from chassis.prepared import prepared
from chassis.tracing import trace_id_of, traced

E = TypeVar("E", bound=Event)
Batch: TypeAlias = Sequence[Envelope[E]]
Handler: TypeAlias = Callable[[Transaction, Sequence[Envelope[Any]]], None]

MOST_PER_TRANSACTION = 500
# No event of ours is near it, and no server refuses it: above some megabytes a server cuts
# the line instead (max_allowed_packet), and the message would come again for ever.
MOST_BYTES = 1_000_000

# The bytes are kept: what a service has heard is its memory, from which its tables can
# be built again, and against which they can be checked.
inbox = Table(
    "inbox",
    metadata,
    Column("event_id", Id, primary_key=True),
    Column("type", Code, nullable=False),
    Column("payload", Bytes, nullable=False),
    Column("applied_at", UtcDateTime, nullable=False),
    # The id of the thing that the event is about, by which its journey is found.
    Column("subject", Id),
    Index("ix_inbox_subject", "subject"),
)


@dataclass
class Handlers:
    """Which function of a service applies which event; one each."""

    by_type: dict[str, Handler] = field(default_factory=dict)

    def hears(self, event: type[E]) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Mark a function `(tx, batch)` as what this service does when it hears `event`."""

        def register(handler: Callable[..., None]) -> Callable[..., None]:
            if event.type in self.by_type:
                raise ValueError(f"{event.type} has two handlers")
            self.by_type[event.type] = handler
            return handler

        return register

    @property
    def types(self) -> frozenset[str]:
        return frozenset(self.by_type)


@dataclass(frozen=True)
class Failure:
    """Why an event could not be applied; `detail` is the traceback, where there is one."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class _Heard:
    envelope: Envelope[Any]
    body: bytes


class Consumer:
    """Applies delivered events to one service's database. Thread-safe."""

    def __init__(
        self, service: str, database: Database, handlers: Handlers, metrics: Metrics | None = None
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._metrics = metrics
        self._log = log(service=service)

    def deliver(self, bodies: Sequence[bytes]) -> None:
        """Apply or park every message; returns when all of it is committed.

        Raises DatabaseAway (or another error of the machine): then the same messages
        must be delivered again.
        """
        for start in range(0, len(bodies), MOST_PER_TRANSACTION):
            self._deliver_chunk(bodies[start : start + MOST_PER_TRANSACTION])

    def bury(self, bodies: Sequence[bytes]) -> None:
        """Park what the broker has given up delivering; returns when it is committed."""
        for body in bodies:
            self._park(body[:MOST_BYTES], "given up by the broker after too many deliveries")

    def apply_again(self, tx: Transaction, bodies: Sequence[bytes]) -> list[Failure | None]:
        """Apply parked events as a part of `tx`: for each what is in its way, or None.

        Each takes effect as a whole or not at all. Raises what is the machine's fault.
        """
        heard: list[_Heard | Failure] = []
        for body in bodies:
            try:
                heard.append(_Heard(decode(body, self._handlers.types), body))
            except NotUnderstood as refused:
                heard.append(Failure(str(refused)))
        understood = [one for one in heard if isinstance(one, _Heard)]
        if len(understood) > 1 and self._attempt(tx, understood) is None:
            return [one if isinstance(one, Failure) else None for one in heard]
        return [one if isinstance(one, Failure) else self._attempt(tx, [one]) for one in heard]

    def _attempt(self, tx: Transaction, batch: Sequence[_Heard]) -> Failure | None:
        try:
            with tx.attempt():
                self._apply(tx, batch)
        except (DatabaseAway, OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the event stays parked
            if len(batch) == 1 and applied(tx, [batch[0].envelope.id]):
                return None  # delivered once more, and applied, at this very moment
            return Failure(_words(error), traceback.format_exc())
        return None

    def _deliver_chunk(self, bodies: Sequence[bytes]) -> None:
        understood: list[_Heard] = []
        for body in bodies:
            if len(body) > MOST_BYTES:
                self._park(body[:MOST_BYTES], f"{len(body)} bytes long: its beginning is kept")
                continue
            try:
                understood.append(_Heard(decode(body, self._handlers.types), body))
            except NotUnderstood as refused:
                self._park(body, str(refused))
        if not understood:
            return
        try:
            fresh = self._database.run_idempotent(self._apply, understood)
        except DatabaseAway:
            raise
        except Exception as error:  # noqa: BLE001 - found out one by one
            self._log.warning("batch failed, doing it one by one", error=repr(error))
            self._one_by_one(understood)
        else:
            self._count(fresh)

    def _one_by_one(self, batch: Sequence[_Heard]) -> None:
        for heard in batch:
            try:
                fresh = self._apply_alone(heard)
            except DatabaseAway:
                raise
            except OperationalError as error:
                if not is_about_the_data(error):
                    raise  # the machine's fault, not the event's
                self._park(heard.body, f"{type(error).__name__}: {error}", heard.envelope)
            except Exception as error:  # noqa: BLE001 - whatever it is, its neighbours go on
                self._park(heard.body, _words(error), heard.envelope)
            else:
                self._count(fresh)

    def _apply_alone(self, heard: _Heard) -> list[_Heard]:
        try:
            return self._database.run_idempotent(self._apply, [heard])
        except IntegrityError:
            # Another worker may have applied it, or opened the same account, between our look
            # and our insert; a second look sees that. What is wrong in itself stays wrong.
            return self._database.run_idempotent(self._apply, [heard])

    def _apply(self, tx: Transaction, batch: Sequence[_Heard]) -> list[_Heard]:
        """Apply those of the batch that were neither applied nor dropped; gives them back."""
        by_id = {heard.envelope.id: heard for heard in batch}
        seen = applied(tx, list(by_id))
        fresh = [heard for heard in by_id.values() if heard.envelope.id not in seen]
        never = parking.dropped(tx, [heard.body for heard in fresh])
        fresh = [heard for heard in fresh if heard.body not in never]
        if not fresh:
            return []
        tx.insert(
            inbox,
            [
                {
                    "event_id": heard.envelope.id,
                    "type": heard.envelope.type,
                    "payload": heard.body,
                    "applied_at": tx.now,
                    "subject": heard.envelope.data.subject,
                }
                for heard in fresh
            ],
        )
        apply(tx, self._handlers, [heard.envelope for heard in fresh])
        return fresh

    def _park(self, body: bytes, reason: str, envelope: Envelope[Any] | None = None) -> None:
        kind = envelope.type if envelope else _claimed_type(body)
        detail = traceback.format_exc() if envelope else ""
        with traced(envelope.traceparent if envelope else None):
            self._database.run(parking.park, body, kind, reason, detail)
            self._log.error("event parked", type=kind, reason=reason)
        if self._metrics:
            self._metrics.parked.labels(kind if kind in self._handlers.types else OTHER).inc()

    def _count(self, fresh: Sequence[_Heard]) -> None:
        """Count and tell what was committed: one line for a batch, with every trace in it."""
        if not fresh:
            return
        now = self._database.clock.now()
        by_type = _by_type([heard.envelope for heard in fresh])
        traces = {
            heard.envelope.id: trace_id_of(heard.envelope.traceparent) or "" for heard in fresh
        }
        self._log.info(
            "events applied",
            types={kind: len(batch) for kind, batch in by_type.items()},
            trace_ids=sorted(set(traces.values())),
        )
        for kind, batch in by_type.items():
            for envelope in batch:
                trace_id = traces[envelope.id]
                self._log.debug("event applied", type=kind, event_id=envelope.id, trace_id=trace_id)
        if self._metrics:
            for kind, batch in by_type.items():
                self._metrics.applied.labels(kind).inc(len(batch))
                lag_seconds = self._metrics.lag_seconds.labels(kind)
                for envelope in batch:
                    # Two machines' clocks may differ by more than the way took.
                    lag_seconds.observe(max((now - envelope.time).total_seconds(), 0))


def apply(tx: Transaction, handlers: Handlers, events: Sequence[Envelope[Any]]) -> None:
    """Hand events to their handlers, each kind as one batch."""
    for kind, batch in _by_type(events).items():
        handlers.by_type[kind](tx, batch)


def _by_type(events: Sequence[Envelope[Any]]) -> dict[str, list[Envelope[Any]]]:
    by_type: dict[str, list[Envelope[Any]]] = defaultdict(list)
    for envelope in events:
        by_type[envelope.type].append(envelope)
    return by_type


def heard_events(reading: Reading, batch: int = MOST_PER_TRANSACTION) -> Iterator[list[bytes]]:
    """Everything that was ever applied here, as it came, in batches ordered by event id."""
    after = ""
    while True:
        rows = reading.execute(
            select(inbox.c.event_id, inbox.c.payload)
            .where(inbox.c.event_id > after)
            .order_by(inbox.c.event_id)
            .limit(batch)
        ).all()
        if not rows:
            return
        yield [row.payload for row in rows]
        after = rows[-1].event_id


def applied(tx: Transaction, ids: Sequence[str]) -> set[str]:
    """Those of the events that have taken effect here."""
    return set(tx.execute(_applied(ids)).scalars())


@prepared
def _applied(ids: Sequence[str]) -> Select[Any]:
    return select(inbox.c.event_id).where(inbox.c.event_id.in_(ids))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _claimed_type(body: bytes) -> str:
    try:
        return type_of(body)
    except NotUnderstood:
        return "?"

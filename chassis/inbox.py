"""The inbox: every event takes effect exactly once, or is parked with its reason.

The effect and the record "seen" are one commit. A batch that fails is done again one
by one, so that the bad event is found and its neighbours go on. A database that is away
is no fault of the event: nothing is parked for it, and the batch comes again.
"""

import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sqlalchemy import Column, Table, select
from sqlalchemy.exc import OperationalError

from chassis import parking
from chassis.columns import Bytes, Code, Id, UtcDateTime
from chassis.database import Database, DatabaseAway, Reading, Transaction
from chassis.events import Envelope, Event, NotUnderstood, decode, type_of
from chassis.logs import log
from chassis.outbox import metadata
from chassis.tracing import traced

if TYPE_CHECKING:
    from chassis.metrics import Metrics

E = TypeVar("E", bound=Event)
Batch: TypeAlias = Sequence[Envelope[E]]
Handler: TypeAlias = Callable[[Transaction, Sequence[Envelope[Any]]], None]

MOST_PER_TRANSACTION = 500

# The bytes are kept: what a service has heard is its memory, from which its tables can
# be built again, and against which they can be checked.
inbox = Table(
    "inbox",
    metadata,
    Column("event_id", Id, primary_key=True),
    Column("type", Code, nullable=False),
    Column("payload", Bytes, nullable=False),
    Column("applied_at", UtcDateTime, nullable=False),
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
class _Heard:
    envelope: Envelope[Any]
    body: bytes


class Consumer:
    """Applies delivered events to one service's database. Thread-safe."""

    def __init__(
        self, service: str, database: Database, handlers: Handlers, metrics: "Metrics | None" = None
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
            self._park(body, "given up by the broker after too many deliveries")

    def retry(self, number: int, by: str) -> None:
        """Try a parked event again, and settle it in the same commit if it applies now.

        Raises NotParked, NotUnderstood, or what the handler raises; then it stays parked.
        """
        event = self._database.read(parking.find, number)
        heard = _Heard(decode(event.payload, self._handlers.types), event.payload)

        def apply_and_settle(tx: Transaction) -> None:
            parking.decide(tx, number, parking.RETRIED, by, "retried")
            self._apply(tx, [heard])

        self._database.run(apply_and_settle)

    def _deliver_chunk(self, bodies: Sequence[bytes]) -> None:
        understood: list[_Heard] = []
        for body in bodies:
            try:
                understood.append(_Heard(decode(body, self._handlers.types), body))
            except NotUnderstood as refused:
                self._park(body, str(refused))
        if not understood:
            return
        try:
            fresh = self._database.run(self._apply, understood)
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
                fresh = self._database.run(self._apply, [heard])
            except DatabaseAway:
                raise
            except OperationalError:
                raise  # the machine's fault, not the event's
            except Exception as error:  # noqa: BLE001 - whatever it is, its neighbours go on
                self._park(heard.body, f"{type(error).__name__}: {error}", heard.envelope)
            else:
                self._count(fresh)

    def _apply(self, tx: Transaction, batch: Sequence[_Heard]) -> list[_Heard]:
        """Apply those of the batch that were not applied before; gives them back."""
        by_id = {heard.envelope.id: heard for heard in batch}
        seen = _already_applied(tx, list(by_id))
        fresh = [heard for heard in by_id.values() if heard.envelope.id not in seen]
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
            self._metrics.parked.labels(kind if kind in self._handlers.types else "other").inc()

    def _count(self, fresh: Sequence[_Heard]) -> None:
        for heard in fresh:
            self._log.debug(
                "event applied",
                type=heard.envelope.type,
                event_id=heard.envelope.id,
                event_trace=heard.envelope.traceparent,
            )
            if self._metrics:
                self._metrics.applied.labels(heard.envelope.type).inc()


def apply(tx: Transaction, handlers: Handlers, events: Sequence[Envelope[Any]]) -> None:
    """Hand events to their handlers, each kind as one batch."""
    by_type: dict[str, list[Envelope[Any]]] = defaultdict(list)
    for envelope in events:
        by_type[envelope.type].append(envelope)
    for kind, batch in by_type.items():
        handlers.by_type[kind](tx, batch)


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


def _already_applied(tx: Transaction, ids: list[str]) -> set[str]:
    return set(tx.execute(select(inbox.c.event_id).where(inbox.c.event_id.in_(ids))).scalars())


def _claimed_type(body: bytes) -> str:
    try:
        return type_of(body)
    except NotUnderstood:
        return "?"

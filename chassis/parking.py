"""Parked events: what could not be applied, kept with its reason until a person decides."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Index, Integer, Select, Table, func, select

from chassis.columns import Bytes, Code, Id, LongText, Position, UtcDateTime, short_text
from chassis.outbox import metadata
from chassis.prepared import prepared
from chassis.reasons import claims, is_id, key_of, shape

if TYPE_CHECKING:
    from chassis.database import Reading, Transaction

REASON_LENGTH = 500
TYPE_LENGTH = 191

parked = Table(
    "parked_events",
    metadata,
    Column("id", Position, primary_key=True, autoincrement=True),
    # The same bytes delivered again count up instead of standing here twice.
    Column("digest", Id, nullable=False, unique=True),
    Column("type", Code, nullable=False),
    Column("reason", short_text(REASON_LENGTH), nullable=False),
    Column("detail", LongText, nullable=False),
    Column("payload", Bytes, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("parked_at", UtcDateTime, nullable=False),
    Column("status", Code, nullable=False),
    Column("decided_at", UtcDateTime),
    Column("decided_by", short_text(200)),
    Column("decision", short_text(REASON_LENGTH)),
    Column("group_key", Id, nullable=False),
    # What the bytes claim, where they can be read at all.
    Column("event_id", Id),
    Column("subject", Id),
    Column("decision_id", Id),
    Index("ix_parked_status", "status", "id"),
    Index("ix_parked_group", "status", "group_key", "id", "parked_at"),
    Index("ix_parked_subject", "subject"),
    sqlite_autoincrement=True,
)

PARKED, RETRIED, DROPPED = "parked", "retried", "dropped"


class NotParked(Exception):
    """There is no parked event with this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"No event number {number} is parked here.")
        self.number = number


class DecidedAlready(NotParked):
    """Somebody has decided of this event before: it was applied or dropped."""

    def __init__(self, event: "Parked") -> None:
        super().__init__(event.id)
        self.args = (f"Event number {event.id} was {event.status} already, by {event.decided_by}.",)
        self.by = event.decided_by
        self.status = event.status


@dataclass(frozen=True)
class Deed:
    """What a person does with parked events: `action` is retry or drop."""

    id: str
    action: str
    by_id: str
    by_name: str
    why: str = ""


@dataclass(frozen=True)
class Parked:
    """A parked event: `payload` holds the bytes exactly as they came.

    `decided_*` and `decision` (why) are empty while it waits.
    """

    id: int
    type: str
    reason: str
    detail: str
    payload: bytes
    attempts: int
    parked_at: datetime
    status: str
    group_key: str
    decided_at: datetime | None
    decided_by: str | None
    decision: str | None
    decision_id: str | None

    @property
    def trace_id(self) -> str | None:
        """The 32 hex digits of the trace that it belongs to, as the logs show them."""
        return claims(self.payload).trace_id


@dataclass(frozen=True)
class Group:
    """Parked events of one type and one shape of reason; `first_id` is its oldest."""

    key: str
    type: str
    reason: str
    count: int
    first_at: datetime
    last_at: datetime
    first_id: int


def park(tx: "Transaction", payload: bytes, kind: str, reason: str, detail: str = "") -> None:
    """Keep the bytes with the reason; the same bytes again count as another attempt."""
    digest = hashlib.sha256(payload).hexdigest()
    kind = kind.encode("ascii", "backslashreplace").decode()[:TYPE_LENGTH]
    changed = tx.execute(
        parked.update()
        .where(parked.c.digest == digest)
        .values(attempts=parked.c.attempts + 1, **_told(kind, reason, detail))
    )
    if changed.rowcount:
        # A dropped event stays dropped; one that was applied after all is no news.
        return
    claimed = claims(payload)
    tx.insert(
        parked,
        [
            {
                "digest": digest,
                "type": kind,
                "payload": payload,
                "attempts": 1,
                "parked_at": tx.now,
                "status": PARKED,
                "event_id": claimed.event_id,
                "subject": claimed.subject,
                **_told(kind, reason, detail),
            }
        ],
    )


def dropped(tx: "Transaction", payloads: Sequence[bytes]) -> set[bytes]:
    """Those of the bytes that somebody has decided never to apply.

    What of them is parked is held until this transaction ends: nobody drops meanwhile
    what is just being applied.
    """
    by_digest = {hashlib.sha256(payload).hexdigest(): payload for payload in payloads}
    rows = tx.execute(_held(sorted(by_digest)))
    return {by_digest[row.digest] for row in rows if row.status == DROPPED}


@prepared
def _held(digests: Sequence[str]) -> Select[Any]:
    found = select(parked.c.digest, parked.c.status).where(parked.c.digest.in_(digests))
    return found.with_for_update(read=True)


def keep_parked(tx: "Transaction", event: Parked, reason: str, detail: str) -> None:
    """Leave an event parked after one more attempt, with the reason of now."""
    tx.execute(
        parked.update()
        .where(parked.c.id == event.id)
        .values(attempts=parked.c.attempts + 1, **_told(event.type, reason, detail))
    )


def settle(tx: "Transaction", numbers: Sequence[int], status: str, deed: Deed) -> None:
    """Record of events that wait (and are held by this transaction) what became of them."""
    tx.execute(
        parked.update()
        .where(parked.c.id.in_(numbers))
        .values(
            status=status,
            decided_at=tx.now,
            decided_by=deed.by_name,
            decision=deed.why,
            decision_id=deed.id,
        )
    )


def waiting(
    reading: "Reading", most: int = 200, after: int = 0, group: str | None = None
) -> Sequence[Parked]:
    """Parked events that wait for a decision, oldest first; of one group, or all."""
    wanted = select(*_COLUMNS).where(parked.c.status == PARKED, parked.c.id > after)
    if group and not is_id(group):
        return []
    if group:
        wanted = wanted.where(parked.c.group_key == group)
    return [Parked(*row) for row in reading.execute(wanted.order_by(parked.c.id).limit(most))]


def groups(reading: "Reading", most: int = 200, after: int = 0) -> Sequence[Group]:
    """The groups of what waits, by their oldest event, after the one whose `first_id` is given."""
    first = func.min(parked.c.id)
    counted = (
        select(
            parked.c.group_key,
            func.count().label("count"),
            func.min(parked.c.parked_at).label("first_at"),
            func.max(parked.c.parked_at).label("last_at"),
            first.label("first_id"),
        )
        .where(parked.c.status == PARKED)
        .group_by(parked.c.group_key)
        .having(first > after)
        .order_by(first)
        .limit(most)
        .subquery()
    )
    rows = reading.execute(
        select(
            counted.c.group_key,
            parked.c.type,
            parked.c.reason,
            counted.c["count"],
            counted.c.first_at,
            counted.c.last_at,
            counted.c.first_id,
        )
        .join(parked, parked.c.id == counted.c.first_id)
        .order_by(counted.c.first_id)
    )
    return [Group(key, kind, shape(reason), *figures) for key, kind, reason, *figures in rows]


def find(reading: "Reading", number: int, held: bool = False) -> Parked:
    """One event that is or was parked, held (`held`) until the transaction ends.

    Raises NotParked.
    """
    wanted = select(*_COLUMNS).where(parked.c.id == number)
    row = reading.execute(wanted.with_for_update() if held else wanted).one_or_none()
    if row is None:
        raise NotParked(number)
    return Parked(*row)


def hold(tx: "Transaction", numbers: Sequence[int]) -> Sequence[Parked]:
    """Those of the events that wait, held until the transaction ends, oldest first."""
    rows = tx.execute(
        select(*_COLUMNS).where(parked.c.id.in_(numbers)).order_by(parked.c.id).with_for_update()
    )
    return [event for event in (Parked(*row) for row in rows) if event.status == PARKED]


def count(reading: "Reading", group: str | None = None) -> int:
    """How many wait for a decision, in all or of one group."""
    wanted = select(func.count()).select_from(parked).where(parked.c.status == PARKED)
    if group:
        wanted = wanted.where(parked.c.group_key == group)
    return int(reading.execute(wanted).scalar_one())


def about(reading: "Reading", subject: str, most: int = 200) -> Sequence[Any]:
    """What waits here about one thing: rows of id, type, event_id, reason, parked_at."""
    return reading.execute(
        select(
            parked.c.id, parked.c.type, parked.c.event_id, parked.c.reason, parked.c.parked_at
        )
        .where(parked.c.subject == subject, parked.c.status == PARKED)
        .order_by(parked.c.id)
        .limit(most)
    ).all()  # fmt: skip


def _told(kind: str, reason: str, detail: str) -> dict[str, str]:
    reason = reason[:REASON_LENGTH]
    return {"reason": reason, "detail": detail, "group_key": key_of(kind, reason)}


_COLUMNS = tuple(
    parked.c[name]
    for name in (
        *("id", "type", "reason", "detail", "payload", "attempts", "parked_at", "status"),
        *("group_key", "decided_at", "decided_by", "decision", "decision_id"),
    )
)

"""The outbox: an event is written in the transaction that it speaks of.

A row waits until the broker has taken the event for good; only then is it marked as
sent. A crash in between sends it again, which the inbox of each consumer sorts out. Sent
rows are kept for some days, so that what a broker has lost, or what a restored backup
has not seen, can be sent once more.

There are two lanes: what one click has written goes before the many events of one piece of
work (`bulk`: a shuffle, a payday), here and on the broker.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Executable,
    Index,
    MetaData,
    Select,
    Table,
    Update,
    func,
    select,
    true,
)

from chassis import tracing
from chassis.columns import Bytes, Code, Id, Position, UtcDateTime
from chassis.events import Envelope, Event, encode
from chassis.ids import new_id
from chassis.prepared import Prepared, prepared

if TYPE_CHECKING:
    from chassis.database import Reading, Transaction

metadata = MetaData()

outbox = Table(
    "outbox",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("event_id", Id, nullable=False, unique=True),
    Column("type", Code, nullable=False),
    Column("payload", Bytes, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # The id of the thing that the event is about, by which its journey is found.
    Column("subject", Id),
    # One of many that a single piece of work has written.
    Column("bulk", Boolean, nullable=False, server_default="0"),
    # Empty while the event waits.
    Column("sent_at", UtcDateTime),
    Index("ix_outbox_lanes", "sent_at", "bulk", "position"),
    Index("ix_outbox_subject", "subject"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Message:
    """One encoded event on its way; `position` is that of its row, 0 where nobody has asked."""

    position: int
    id: str
    type: str
    body: bytes
    bulk: bool = False


class Emitted(NamedTuple):
    """An event that waits for its commit, the traceparent that caused it, and its lane."""

    event: Event
    traceparent: str | None
    bulk: bool


def store(tx: "Transaction", emitted: Sequence[Emitted]) -> list[Message]:
    """Write events to the outbox; gives what is to be sent once they are committed."""
    if not emitted:
        return []
    here = tracing.current_traceparent()
    rows: list[dict[str, Any]] = []
    for event, traceparent, bulk in emitted:
        # Checked again here: a constructed model may hold what its declaration refuses.
        checked = type(event).model_validate(event)
        envelope = Envelope(
            new_id(), tx.source, tx.now, checked, tracing.continued(traceparent or here)
        )
        rows.append(
            {
                "event_id": envelope.id,
                "type": envelope.type,
                "payload": encode(envelope),
                "created_at": tx.now,
                "subject": checked.subject,
                "bulk": bulk,
            }
        )
    tx.insert(outbox, rows)
    return [Message(0, row["event_id"], row["type"], row["payload"], row["bulk"]) for row in rows]


def unsent(reading: "Reading", most: int) -> list[Message]:
    """The rows that wait, the oldest of each lane first, at most `most`.

    Never "rows after the last one seen": a transaction that commits late would be
    skipped for ever.
    """
    return _messages(reading, _unsent(most))


def claim(tx: "Transaction", most: int, clicks_up_to: int | None = None) -> list[Message]:
    """Rows as of `unsent` that no other relay holds; held until this transaction ends.

    With `clicks_up_to`, of single clicks only those up to this position.
    """
    return _messages(tx, _claim(most) if clicks_up_to is None else _claim_left(most, clicks_up_to))


def last_position(reading: "Reading") -> int:
    """The position of the last row, 0 without any."""
    return reading.execute(_last_position()).scalar() or 0


def mark_sent(tx: "Transaction", messages: Sequence[Message]) -> None:
    """Record that the broker has taken these messages for good."""
    if positions := [message.position for message in messages if message.position]:
        tx.execute(_mark(positions, tx.now))
    if ids := [message.id for message in messages if not message.position]:
        tx.execute(_mark_ids(ids, tx.now))


def send_again(tx: "Transaction", since: datetime, most: int) -> int:
    """Have events that were sent at `since` or later sent once more, at most `most`.

    Says how many these were. Who has applied one already passes over it.
    """
    return _on_some(
        tx,
        outbox.c.sent_at >= since,
        most,
        # By the thousand perhaps: what is clicked meanwhile goes before it.
        lambda some: outbox.update().where(some).values(sent_at=None, bulk=True),
    )


def forget_sent(tx: "Transaction", before: datetime, most: int) -> int:
    """Delete rows that were sent before `before`, at most `most`; says how many."""
    return _on_some(tx, outbox.c.sent_at < before, most, lambda some: outbox.delete().where(some))


def depth(reading: "Reading") -> tuple[int, datetime | None]:
    """How many events wait, and since when the oldest does."""
    count, oldest = reading.execute(
        select(func.count(), func.min(outbox.c.created_at)).where(outbox.c.sent_at.is_(None))
    ).one()
    return count, oldest


def _oldest(most: int) -> Select[Any]:
    return (
        select(outbox.c.position, outbox.c.event_id, outbox.c.type, outbox.c.payload, outbox.c.bulk)
        .where(outbox.c.sent_at.is_(None))
        .order_by(outbox.c.bulk, outbox.c.position)
        .limit(most)
    )


@prepared
def _unsent(most: int) -> Select[Any]:
    return _oldest(most)


@prepared
def _claim(most: int) -> Select[Any]:
    return _oldest(most).with_for_update(skip_locked=True)


@prepared
def _claim_left(most: int, last: int) -> Select[Any]:
    left = (outbox.c.bulk == true()) | (outbox.c.position <= last)
    return _oldest(most).where(left).with_for_update(skip_locked=True)


@prepared
def _last_position() -> Select[Any]:
    return select(func.max(outbox.c.position))


@prepared
def _mark(positions: Sequence[int], now: datetime) -> Update:
    return outbox.update().where(outbox.c.position.in_(positions)).values(sent_at=now)


@prepared
def _mark_ids(ids: Sequence[str], now: datetime) -> Update:
    return outbox.update().where(outbox.c.event_id.in_(ids)).values(sent_at=now)


def _messages(reading: "Reading", statement: Prepared) -> list[Message]:
    return [Message(*row) for row in reading.execute(statement)]


def _on_some(
    tx: "Transaction",
    which: ColumnElement[bool],
    most: int,
    change: Callable[[ColumnElement[bool]], Executable],
) -> int:
    """Change at most `most` rows, so that no statement holds thousands of locks."""
    found = tx.execute(
        select(outbox.c.position).where(which).order_by(outbox.c.sent_at).limit(most)
    )
    positions = list(found.scalars())
    if positions:
        # Asked again: between the two, somebody may have had a row sent once more.
        tx.execute(change(which & outbox.c.position.in_(positions)))
    return len(positions)

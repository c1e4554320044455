"""The outbox: an event is written in the transaction that it speaks of.

A row stays until the broker has taken the event for good; only then is it deleted. A
crash in between sends it again, which the inbox of each consumer sorts out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, MetaData, Select, Table, func, select

from chassis import tracing
from chassis.columns import Bytes, Code, Id, Position, UtcDateTime
from chassis.events import Envelope, Event, encode
from chassis.ids import new_id

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
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Message:
    """One encoded event on its way."""

    position: int
    id: str
    type: str
    body: bytes


def store(tx: "Transaction", emitted: Sequence[tuple[Event, str | None]]) -> None:
    """Write events, each with the traceparent that caused it, to the outbox."""
    if not emitted:
        return
    here = tracing.current_traceparent()
    rows: list[dict[str, Any]] = []
    for event, traceparent in emitted:
        # Checked again here: a constructed model may hold what its declaration refuses.
        checked = type(event).model_validate(event.model_dump())
        envelope = Envelope(
            new_id(), tx.source, tx.now, checked, tracing.continued(traceparent or here)
        )
        rows.append(
            {
                "event_id": envelope.id,
                "type": envelope.type,
                "payload": encode(envelope),
                "created_at": tx.now,
            }
        )
    tx.insert(outbox, rows)


def unsent(reading: "Reading", most: int) -> list[Message]:
    """The oldest rows that wait, at most `most`.

    Never "rows after the last one seen": a transaction that commits late would be
    skipped for ever.
    """
    return _messages(reading, _oldest(most))


def claim(tx: "Transaction", most: int) -> list[Message]:
    """The oldest rows that no other relay holds; held until this transaction ends."""
    return _messages(tx, _oldest(most).with_for_update(skip_locked=True))


def forget(tx: "Transaction", messages: Sequence[Message]) -> None:
    """Delete the rows of messages that the broker has taken."""
    tx.execute(outbox.delete().where(outbox.c.position.in_([m.position for m in messages])))


def depth(reading: "Reading") -> tuple[int, datetime | None]:
    """How many events wait, and since when the oldest does."""
    count, oldest = reading.execute(
        select(func.count(), func.min(outbox.c.created_at)).select_from(outbox)
    ).one()
    return count, oldest


def _oldest(most: int) -> Select[Any]:
    return (
        select(outbox.c.position, outbox.c.event_id, outbox.c.type, outbox.c.payload)
        .order_by(outbox.c.position)
        .limit(most)
    )


def _messages(reading: "Reading", statement: Select[Any]) -> list[Message]:
    return [Message(*row) for row in reading.execute(statement)]

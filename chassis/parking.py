"""Parked events: what could not be applied, kept with its reason until a person decides."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Column, Index, Integer, Table, func, select

from chassis.columns import Bytes, Code, Id, LongText, Position, UtcDateTime, short_text
from chassis.outbox import metadata

if TYPE_CHECKING:
    from chassis.database import Reading, Transaction

REASON_LENGTH = 500

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
    Index("ix_parked_status", "status", "id"),
    sqlite_autoincrement=True,
)

PARKED, RETRIED, DROPPED = "parked", "retried", "dropped"


class NotParked(Exception):
    """There is no parked event with this number, or it was decided already."""

    def __init__(self, number: int) -> None:
        super().__init__(f"No event number {number} is parked here.")
        self.number = number


@dataclass(frozen=True)
class Parked:
    """A parked event: `payload` holds the bytes exactly as they came."""

    id: int
    type: str
    reason: str
    detail: str
    payload: bytes
    attempts: int
    parked_at: datetime
    status: str


def park(tx: "Transaction", payload: bytes, kind: str, reason: str, detail: str = "") -> None:
    """Keep the bytes with the reason; the same bytes again count as another attempt."""
    digest = hashlib.sha256(payload).hexdigest()
    changed = tx.execute(
        parked.update()
        .where(parked.c.digest == digest)
        .values(attempts=parked.c.attempts + 1, reason=reason[:REASON_LENGTH], detail=detail)
    )
    if changed.rowcount:
        # A dropped event stays dropped; one that was applied after all is no news.
        return
    tx.insert(
        parked,
        [
            {
                "digest": digest,
                "type": kind.encode("ascii", "backslashreplace").decode()[:191],
                "reason": reason[:REASON_LENGTH],
                "detail": detail,
                "payload": payload,
                "attempts": 1,
                "parked_at": tx.now,
                "status": PARKED,
            }
        ],
    )


def waiting(reading: "Reading", most: int = 200, after: int = 0) -> Sequence[Parked]:
    """Parked events that wait for a decision, oldest first."""
    rows = reading.execute(
        select(*_COLUMNS)
        .where(parked.c.status == PARKED, parked.c.id > after)
        .order_by(parked.c.id)
        .limit(most)
    )
    return [Parked(*row) for row in rows]


def find(reading: "Reading", number: int) -> Parked:
    """One parked event that waits. Raises NotParked."""
    row = reading.execute(
        select(*_COLUMNS).where(parked.c.id == number, parked.c.status == PARKED)
    ).one_or_none()
    if row is None:
        raise NotParked(number)
    return Parked(*row)


def count(reading: "Reading") -> int:
    """How many wait for a decision."""
    found = reading.execute(
        select(func.count()).select_from(parked).where(parked.c.status == PARKED)
    )
    return int(found.scalar_one())


def decide(tx: "Transaction", number: int, status: str, by: str, why: str) -> None:
    """Record what a person decided of a parked event. Raises NotParked."""
    changed = tx.execute(
        parked.update()
        .where(parked.c.id == number, parked.c.status == PARKED)
        .values(status=status, decided_at=tx.now, decided_by=by[:200], decision=why[:REASON_LENGTH])
    )
    if not changed.rowcount:
        raise NotParked(number)


_COLUMNS = (
    parked.c.id,
    parked.c.type,
    parked.c.reason,
    parked.c.detail,
    parked.c.payload,
    parked.c.attempts,
    parked.c.parked_at,
    parked.c.status,
)

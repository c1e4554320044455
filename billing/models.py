"""Billing's tables, and the queries on payouts."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    UniqueConstraint,
    or_,
    select,
)

from billing.domain import LONGEST_WAIT, TO_DO, Payout, PayoutNotFound, PayoutStatus
from chassis.columns import ID_LENGTH, Bytes, Cents, Code, Id, Position, UtcDateTime, short_text
from chassis.database import Reading, Transaction

metadata = MetaData()


class Overtaken(Exception):
    """A payout has moved between reading and writing it, in spite of the lock."""


cards = Table(
    "cards",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("ciphertext", Bytes, nullable=False),
    Column("nonce", Bytes, nullable=False),
    Column("key_id", Code, nullable=False),
    Column("last4", Code, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

payouts = Table(
    "payouts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False),
    Column("date", Date, nullable=False),
    Column("amount", Cents, nullable=False),
    Column("currency", Code, nullable=False),
    Column("status", Code, nullable=False),
    Column("gateway", Code, nullable=False),
    Column("idempotency_key", Id, nullable=False, unique=True),
    Column("gateway_ref", Code),
    Column("attempts", Integer, nullable=False),
    Column("reason", short_text(500)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime),
    # Nobody is paid twice for a day (contract, section 7).
    UniqueConstraint("user_id", "date", name="uq_payouts_user_day"),
    Index("ix_payouts_date", "date", "id"),
    Index("ix_payouts_to_do", "status", "next_attempt_at"),
)

payout_transitions = Table(
    "payout_transitions",
    metadata,
    Column("id", Position, primary_key=True, autoincrement=True),
    Column("payout_id", Id, nullable=False),
    Column("from_status", Code),
    Column("to_status", Code, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    # A person's id, or the part of this service that did it.
    Column("by", Id, nullable=False),
    Column("why", short_text(500), nullable=False),
    Index("ix_payout_transitions_payout", "payout_id", "id"),
    sqlite_autoincrement=True,
)


def as_id(text: str) -> str:
    """The text if it can be an id, else one that nothing has: ids are plain ASCII."""
    return text if text.isascii() and len(text) <= ID_LENGTH else ""


def payout_of(row: Row[Any]) -> Payout:
    """A row of `payouts` as the domain's value."""
    values = dict(row._mapping)
    return Payout(**{**values, "status": PayoutStatus(values["status"])})


def add_payouts(tx: Transaction, new: Sequence[Payout], by: str, why: str) -> None:
    """Insert payouts that are not there yet, with the first line of their history."""
    tx.insert(payouts, [asdict(payout) for payout in new])
    _record(tx, [(None, payout) for payout in new], by, why)


def save_moves(tx: Transaction, moves: Sequence[tuple[Payout, Payout]], by: str, why: str) -> None:
    """Write moves (before, after) and their history.

    Raises Overtaken, and nothing may be committed, if a payout has moved meanwhile.
    """
    for before, after in moves:
        _save(tx, before, after)
    _record(tx, moves, by, why)


def _save(tx: Transaction, before: Payout, after: Payout) -> None:
    changed = tx.execute(
        payouts.update()
        .where(
            payouts.c.id == before.id,
            payouts.c.status == before.status,
            payouts.c.attempts == before.attempts,
        )
        .values(
            status=after.status,
            gateway_ref=after.gateway_ref,
            attempts=after.attempts,
            reason=after.reason,
            updated_at=after.updated_at,
            next_attempt_at=after.next_attempt_at,
        )
    )
    if changed.rowcount != 1:
        raise Overtaken(before.id)


def _record(
    tx: Transaction, moves: Iterable[tuple[Payout | None, Payout]], by: str, why: str
) -> None:
    tx.insert(
        payout_transitions,
        [
            {
                "payout_id": after.id,
                "from_status": before.status if before else None,
                "to_status": after.status,
                "at": tx.now,
                "by": by,
                "why": why,
            }
            for before, after in moves
        ],
    )


def put_off(tx: Transaction, payout: Payout, until: datetime) -> None:
    """Have nobody look at a payout that was locked here until then."""
    tx.execute(payouts.update().where(payouts.c.id == payout.id).values(next_attempt_at=until))


def payout(reading: Reading, payout_id: str) -> Payout:
    """One payout. Raises PayoutNotFound."""
    row = reading.execute(select(payouts).where(payouts.c.id == as_id(payout_id))).first()
    if row is None:
        raise PayoutNotFound(payout_id)
    return payout_of(row)


def payout_for_update(tx: Transaction, payout_id: str) -> Payout:
    """One payout, locked where the database can do so. Raises PayoutNotFound."""
    wanted = select(payouts).where(payouts.c.id == as_id(payout_id)).with_for_update()
    row = tx.execute(wanted).first()
    if row is None:
        raise PayoutNotFound(payout_id)
    return payout_of(row)


def payouts_of(tx: Transaction, user_id: str, status: PayoutStatus) -> list[Payout]:
    """All payouts of one popug in this status, locked."""
    return [
        payout_of(row)
        for row in tx.execute(
            select(payouts)
            .where(payouts.c.user_id == user_id, payouts.c.status == status)
            .with_for_update()
        )
    ]


def known_payouts(tx: Transaction, wanted: Iterable[Payout]) -> dict[tuple[str, date], str]:
    """The ids of payouts already there for the same popugs and days, by (user, day)."""
    asked = list(wanted)
    rows = tx.execute(
        select(payouts.c.id, payouts.c.user_id, payouts.c.date).where(
            payouts.c.user_id.in_({p.user_id for p in asked}),
            payouts.c.date.in_({p.date for p in asked}),
        )
    )
    return {(row.user_id, row.date): row.id for row in rows}


def due_payouts(reading: Reading, most: int) -> list[Payout]:
    """Payouts for which something is to be done now, the longest due first.

    One that is due later than we ever wait was put off by a clock that was ahead.
    """
    due = payouts.c.next_attempt_at
    rows = reading.execute(
        select(payouts)
        .where(
            payouts.c.status.in_(TO_DO),
            or_(due <= reading.now, due > reading.now + LONGEST_WAIT),
        )
        .order_by(due, payouts.c.id)
        .limit(most)
    )
    return [payout_of(row) for row in rows]

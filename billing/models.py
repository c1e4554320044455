"""Cards and payouts as tables, and the queries on payouts. Their moves are in `history`."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
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
from chassis.columns import ID_LENGTH, Bytes, Cents, Code, Id, UtcDateTime, short_text
from chassis.database import Reading, Transaction

metadata = MetaData()


cards = Table(
    "cards",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("ciphertext", Bytes, nullable=False),
    Column("nonce", Bytes, nullable=False),
    Column("key_id", Code, nullable=False),
    Column("last4", Code, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # HMAC-SHA256 of the number, hexadecimal; none on cards older than fingerprints.
    Column("hash_key_id", Code),
    Column("fingerprint", Code),
    Index("ix_cards_fingerprint", "fingerprint"),
)

# Keys that cards were ever sealed or marked with; a retired one is never used again.
card_keys = Table(
    "card_keys",
    metadata,
    Column("key_id", Code, primary_key=True),
    Column("retired_at", UtcDateTime),
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
    Column("retries", Integer, nullable=False, server_default="0"),
    Column("key_used_at", UtcDateTime),
    Column("in_doubt", Boolean, nullable=False, server_default="0"),
    # As whom it was sent last, where the gateway has several; none before a first sending.
    Column("gateway_account", Code),
    # Nobody is paid twice for a day (contract, section 7).
    UniqueConstraint("user_id", "date", name="uq_payouts_user_day"),
    Index("ix_payouts_date", "date", "id"),
    Index("ix_payouts_to_do", "status", "next_attempt_at"),
)


def as_id(text: str) -> str:
    """The text if it can be an id, else one that nothing has: ids are plain ASCII."""
    return text if text.isascii() and len(text) <= ID_LENGTH else ""


def payout_of(row: Row[Any]) -> Payout:
    """A row of `payouts`, whose columns are in the order of the domain's value, as that value."""
    values = list(row)
    values[_STATUS] = PayoutStatus(values[_STATUS])
    return Payout(*values)


_STATUS = payouts.c.keys().index("status")


def put_off(tx: Transaction, payout: Payout, until: datetime, reason: str | None = None) -> None:
    """Have nobody look at a payout that was locked here until then; `reason` is shown with it."""
    values = {"next_attempt_at": until} | ({"reason": reason} if reason else {})
    tx.execute(payouts.update().where(payouts.c.id == payout.id).values(values))


def remember_reference(tx: Transaction, payout: Payout, reference: str, until: datetime) -> None:
    """Keep how the gateway calls a payout that was locked here, and look at it then."""
    tx.execute(
        payouts.update()
        .where(payouts.c.id == payout.id)
        .values(gateway_ref=reference, next_attempt_at=until)
    )


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

"""What a gateway says that does not fit what we hold: each waits for a person's decision.

It has paid what is cancelled, or under a second key, or another amount than it was asked
for; or has taken back another transfer than the one that is written here. Nothing here
moves money: a person finds out, settles it outside, and says how.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Index, Table, func, select

from billing.domain import Payout
from billing.models import metadata
from billing.returns import payout_returns
from chassis.columns import Cents, Code, Id, Position, UtcDateTime, short_text
from chassis.database import Reading, Transaction

PAID = "paid"
OTHER_AMOUNT = "other_amount"
# Under the key of a payout that succeeded, but not under its reference.
RETURNED = "returned"

payout_claims = Table(
    "payout_claims",
    metadata,
    Column("id", Position, primary_key=True, autoincrement=True),
    Column("payout_id", Id, nullable=False),
    Column("key", Id, nullable=False),
    Column("kind", Code, nullable=False),
    Column("reference", Code, nullable=False),
    # In cents, where the gateway has said so.
    Column("amount", Cents),
    Column("at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime),
    Column("decided_by", Id),
    Column("decision", short_text(500)),
    # The gateway says it again and again; it is one thing to be settled.
    Index("uq_payout_claims", "payout_id", "key", "kind", "reference", unique=True),
    Index("ix_payout_claims_open", "decided_at"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class Claim:
    """One such word of a gateway, and what a person has decided; `amount` in cents."""

    payout_id: str
    key: str
    kind: str
    reference: str
    amount: int | None
    at: datetime
    decided_at: datetime | None
    decided_by: str | None
    decision: str | None


_COLUMNS = [column for column in payout_claims.c if column.name != "id"]


def add(  # noqa: PLR0917 - a claim has as many parts
    tx: Transaction, payout: Payout, key: str, kind: str, reference: str, amount: int | None
) -> None:
    """Note it for a person, once. The payout is locked by the caller."""
    known = tx.execute(
        select(payout_claims.c.id).where(
            payout_claims.c.payout_id == payout.id,
            payout_claims.c.key == key,
            payout_claims.c.kind == kind,
            payout_claims.c.reference == reference,
        )
    ).first()
    if known is None:
        row = {
            "payout_id": payout.id,
            "key": key,
            "kind": kind,
            "reference": reference,
            "amount": amount,
            "at": tx.now,
        }
        tx.insert(payout_claims, [row])


def settle(tx: Transaction, payout_id: str, decision: str, by: str) -> int:
    """A person says how what is open of a payout was settled; gives how many."""
    return tx.execute(
        payout_claims.update()
        .where(payout_claims.c.payout_id == payout_id, payout_claims.c.decided_at.is_(None))
        .values(decided_at=tx.now, decided_by=by, decision=decision)
    ).rowcount


def still_out(reading: Reading, payout: Payout) -> list[Claim]:
    """What the gateway has told that it has paid, and not that it is back; oldest first.

    Also what a person has settled: by his word no money has come back to the bank.
    """
    back = select(payout_returns.c.id).where(
        payout_returns.c.gateway == payout.gateway,
        payout_returns.c.key == payout_claims.c.key,
        payout_returns.c.reference == payout_claims.c.reference,
    )
    rows = reading.execute(
        select(*_COLUMNS)
        .where(payout_claims.c.payout_id == payout.id, ~back.exists())
        .order_by(payout_claims.c.id)
    )
    return [Claim(*row) for row in rows]


def open_return(reading: Reading, payout_id: str) -> Claim | None:
    """What came back under another reference than is written here, and nobody has settled."""
    waiting = (c for c in of_payout(reading, payout_id) if c.kind == RETURNED and not c.decided_at)
    return next(waiting, None)


def has_come_back(tx: Transaction, payout: Payout, key: str, reference: str, how: str) -> None:
    """What was paid against our books is back: nothing is left to be settled about it.

    But for that itself, where it does not fit.
    """
    tx.execute(
        payout_claims.update()
        .where(
            payout_claims.c.payout_id == payout.id,
            payout_claims.c.key == key,
            payout_claims.c.reference == reference,
            payout_claims.c.kind != RETURNED,
            payout_claims.c.decided_at.is_(None),
        )
        .values(decided_at=tx.now, decided_by=payout.gateway, decision=how)
    )


def of_payout(reading: Reading, payout_id: str) -> list[Claim]:
    """Everything of the kind that a gateway has ever said of a payout, oldest first."""
    rows = reading.execute(
        select(*_COLUMNS).where(payout_claims.c.payout_id == payout_id).order_by(payout_claims.c.id)
    )
    return [Claim(*row) for row in rows]


def settled(reading: Reading) -> set[tuple[str, str]]:
    """(key, reference) of what persons have settled: the books may differ there."""
    rows = reading.execute(
        select(payout_claims.c.key, payout_claims.c.reference).where(
            payout_claims.c.decided_at.is_not(None)
        )
    )
    return {(row.key, row.reference) for row in rows}


def count_open(reading: Reading) -> int:
    """How many wait for a person."""
    waiting = payout_claims.c.decided_at.is_(None)
    found = reading.execute(select(func.count()).select_from(payout_claims).where(waiting))
    return int(found.scalar_one())


def first_open(reading: Reading) -> str | None:
    """The payout whose claim has waited longest."""
    row = reading.execute(
        select(payout_claims.c.payout_id)
        .where(payout_claims.c.decided_at.is_(None))
        .order_by(payout_claims.c.id)
        .limit(1)
    ).first()
    return row.payout_id if row else None

"""What has come back from a gateway, for ever: an older "paid" of it is known by this.

Noted whatever the payout's status allows, so that it does not matter which of "paid" and
"returned" is heard first.
"""

from sqlalchemy import Column, Index, Table, select

from billing.domain import Payout
from billing.models import as_id, metadata
from chassis.columns import Code, Id, Position, UtcDateTime
from chassis.database import Reading, Transaction
from chassis.rights import APPEND_ONLY

payout_returns = Table(
    "payout_returns",
    metadata,
    Column("id", Position, primary_key=True, autoincrement=True),
    Column("gateway", Code, nullable=False),
    Column("key", Id, nullable=False),
    Column("reference", Code, nullable=False),
    Column("payout_id", Id, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("uq_payout_returns", "gateway", "key", "reference", unique=True),
    Index("ix_payout_returns_payout", "payout_id", "id"),
    sqlite_autoincrement=True,
    info=APPEND_ONLY,
)


def known(reading: Reading, payout: Payout, key: str, reference: str) -> bool:
    """Whether the money under this key and reference is known to be back."""
    found = reading.execute(
        select(payout_returns.c.id).where(
            payout_returns.c.gateway == payout.gateway,
            payout_returns.c.key == key,
            payout_returns.c.reference == reference,
        )
    )
    return found.first() is not None


def of_payout(reading: Reading, payout_id: str) -> list[str]:
    """The references under which money of a payout has come back, oldest first."""
    mine = payout_returns.c.payout_id == as_id(payout_id)
    return list(
        reading.execute(
            select(payout_returns.c.reference).where(mine).order_by(payout_returns.c.id)
        ).scalars()
    )


def note(tx: Transaction, payout: Payout, key: str, reference: str) -> None:
    """Remember it, once. The payout is locked by the caller."""
    if known(tx, payout, key, reference):
        return
    row = {
        "gateway": payout.gateway,
        "key": key,
        "reference": reference,
        "payout_id": payout.id,
        "at": tx.now,
    }
    tx.insert(payout_returns, [row])

"""The bank's book: what it did under each key, and what it has still to tell of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Row, Table, or_, select

from chassis.columns import Cents, Code, Id, Position, UtcDateTime, short_text
from chassis.database import Database, Reading, Transaction
from chassis.ids import new_id

metadata = MetaData()

PAID, PENDING, REFUSED, RETURNED = "paid", "pending", "refused", "returned"
IN_THE_BOOK = (PAID, RETURNED)
DECLINED_CARD = "4000000000000002"

# A key is forgotten after a while, and may then be used again: it is no primary key.
transfers = Table(
    "transfers",
    metadata,
    Column("reference", Id, primary_key=True),
    Column("key", Id, nullable=False),
    Column("amount", Cents, nullable=False),
    Column("currency", Code, nullable=False),
    Column("card_last4", Code, nullable=False),
    Column("status", Code, nullable=False),
    Column("reason", short_text(200), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    # Until when the key is known; None is for ever.
    Column("key_until", UtcDateTime),
    # When what is pending is paid, or what was paid comes back.
    Column("changes_at", UtcDateTime),
    Index("ix_transfers_key", "key", "at"),
    Index("ix_transfers_changes", "changes_at"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Position, primary_key=True, autoincrement=True),
    Column("reference", Id, nullable=False),
    Column("key", Id, nullable=False),
    Column("status", Code, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("forged", Boolean, nullable=False),
    Index("ix_notices_due", "due_at"),
    sqlite_autoincrement=True,
)

faults = Table(
    "faults",
    metadata,
    Column("name", Id, primary_key=True),
    Column("value", Integer, nullable=False),
)


@dataclass(frozen=True)
class Order:
    """What the bank is asked to do; `amount` in cents."""

    key: str
    amount: int
    currency: str
    card_number: str


@dataclass(frozen=True)
class Plan:
    """How an order turns out, as chance and the faults have it."""

    amount: int
    status: str
    reason: str = ""
    changes_after: timedelta | None = None


class AnotherTransfer(Exception):
    """The book has a transfer with this reference, and it is not this one."""


def known(reading: Reading, key: str) -> Row[Any] | None:
    """What was done under a key that is not forgotten yet."""
    until = transfers.c.key_until
    return reading.execute(
        select(transfers)
        .where(transfers.c.key == key, or_(until.is_(None), until > reading.now))
        .order_by(transfers.c.at.desc())
        .limit(1)
    ).first()


def by_reference(reading: Reading, reference: str) -> Row[Any] | None:
    """One transfer, however old."""
    return reading.execute(select(transfers).where(transfers.c.reference == reference)).first()


def book_order(
    tx: Transaction, order: Order, plan: Plan, lifetime: timedelta
) -> tuple[Row[Any], bool]:
    """Do it once for its key, known for `lifetime`; gives the transfer, and whether it is new."""
    before = known(tx, order.key)
    if before is not None:
        return before, False
    reference = f"SBX-{new_id()}"
    row = {
        "reference": reference,
        "key": order.key,
        "amount": plan.amount,
        "currency": order.currency,
        "card_last4": order.card_number[-4:],
        "status": plan.status,
        "reason": plan.reason,
        "at": tx.now,
        "key_until": tx.now + lifetime,
        "changes_at": tx.now + plan.changes_after if plan.changes_after else None,
    }
    tx.insert(transfers, [row])
    made = by_reference(tx, reference)
    if made is None:
        raise LookupError(reference)
    return made, True


def take_over(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep transfers of before there was this book, each once; their keys are never forgotten.

    Raises AnotherTransfer, and nothing may be committed.
    """
    for row in rows:
        there = by_reference(tx, row["reference"])
        if there is None:
            tx.insert(transfers, [{**row, "reason": "", "key_until": None}])
        elif any(there._mapping[name] != row[name] for name in ("key", "amount", "currency")):
            raise AnotherTransfer(there.reference)


def has_changes(reading: Reading) -> bool:
    """Whether any transfer is to change now."""
    due = select(transfers.c.reference).where(transfers.c.changes_at <= reading.now).limit(1)
    return reading.execute(due).first() is not None


def change_due(tx: Transaction) -> list[Row[Any]]:
    """Pay what was pending and take back what was to come back; gives what has changed."""
    due = tx.execute(select(transfers).where(transfers.c.changes_at <= tx.now)).all()
    for row in due:
        to = PAID if row.status == PENDING else RETURNED
        tx.execute(
            transfers.update()
            .where(transfers.c.reference == row.reference)
            .values(status=to, reason="account closed" if to == RETURNED else "", changes_at=None)
        )
    changed = (by_reference(tx, row.reference) for row in due)
    return [row for row in changed if row is not None]


def page(reading: Reading, since: datetime, until: datetime, after: str, most: int) -> Any:
    """Lines of the book by time and reference, after the reference `after`."""
    wanted = select(transfers).where(
        transfers.c.status.in_(IN_THE_BOOK), transfers.c.at >= since, transfers.c.at < until
    )
    last = by_reference(reading, after) if after else None
    if last is not None:
        later = (transfers.c.at == last.at) & (transfers.c.reference > last.reference)
        wanted = wanted.where(or_(transfers.c.at > last.at, later))
    return reading.execute(wanted.order_by(transfers.c.at, transfers.c.reference).limit(most)).all()


def put_faults(tx: Transaction, values: Mapping[str, int]) -> None:
    """Misbehave like this from now on, and in no other way."""
    tx.execute(faults.delete())
    tx.insert(faults, [{"name": name, "value": value} for name, value in values.items()])


def faults_now(reading: Reading) -> dict[str, int]:
    """How it misbehaves."""
    return {row.name: row.value for row in reading.execute(select(faults))}


def open_book(database: Database) -> None:
    """Make the tables that are not there yet; another process may do the same just now."""
    metadata.create_all(database.engine.execution_options(writes=True))

"""What the sandbox bank had paid while its book was a table of billing's, until it is handed over.

The bank has a book of its own now (docs/decisions/0038). Each transfer that is here is first
taken by the bank, which keeps it once, and only then forgotten here: a crash in between
hands it over again.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, Table, select

from billing.gateway import AnswerLost, BookLine
from billing.models import metadata
from chassis.columns import Cents, Code, Id, UtcDateTime
from chassis.database import Database, Reading, Transaction

# So many go into one request of the bank's.
AT_ONCE = 40

sandbox_transfers = Table(
    "sandbox_transfers",
    metadata,
    Column("idempotency_key", Id, primary_key=True),
    Column("reference", Code, nullable=False, unique=True),
    Column("amount", Cents, nullable=False),
    Column("currency", Code, nullable=False),
    Column("card_last4", Code, nullable=False),
    Column("status", Code, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)


def hand_over(database: Database, take: Callable[[Sequence[Row[Any]]], None], log: Any) -> bool:
    """Have the bank `take` all there is; says whether nothing is left here."""
    while rows := database.read(_first):
        try:
            take(rows)
        except AnswerLost as lost:
            log.error(
                "the bank has not taken over what it paid before; no payout is sent until it has",
                error=str(lost),
            )
            return False
        database.run(_forget, [row.idempotency_key for row in rows])
        log.info("handed over to the bank", transfers=len(rows))
    return True


def lines(reading: Reading, since: datetime, until: datetime) -> list[BookLine]:
    """What is not handed over yet, as lines of the bank's book."""
    book = sandbox_transfers.c
    rows = reading.execute(
        select(
            book.idempotency_key, book.reference, book.amount, book.currency, book.status, book.at
        ).where(book.at >= since, book.at < until)
    )
    return [BookLine(*row) for row in rows]


def _first(reading: Reading) -> Sequence[Row[Any]]:
    return reading.execute(select(sandbox_transfers).limit(AT_ONCE)).all()


def _forget(tx: Transaction, keys: Collection[str]) -> None:
    tx.execute(
        sandbox_transfers.delete().where(sandbox_transfers.c.idempotency_key.in_(sorted(keys)))
    )

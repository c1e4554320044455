"""The sandbox bank: pays nobody, but keeps a book as a bank would.

Its book is written in transactions of its own, which know nothing of payouts. A refusal
leaves nothing in the book, so the same key may be tried again, with another card say.
"""

from sqlalchemy import Column, Table, select
from sqlalchemy.exc import IntegrityError

from billing.domain import CardNumber
from billing.gateway import Accepted, NotFound, Refused
from billing.models import metadata
from chassis.columns import Cents, Code, Id, UtcDateTime
from chassis.database import Database, Reading, Transaction
from chassis.ids import new_id

# The number that card networks give out for testing a refusal.
DECLINED_CARD = "4000000000000002"
DECLINED = "card declined"
PAID = "paid"

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


class SandboxGateway:
    """The bank in its well-behaved form: it answers at once, and the truth."""

    name = "sandbox"
    patience_seconds = 10.0

    def __init__(self, database: Database) -> None:
        self._database = database

    def pay(
        self, key: str, amount: int, currency: str, card_number: CardNumber
    ) -> Accepted | Refused:
        booked = self.ask(key)
        if isinstance(booked, Accepted):
            return booked
        if card_number.digits == DECLINED_CARD:
            return Refused(DECLINED, final=True)
        try:
            return self._database.run(_book, key, amount, currency, card_number.last4)
        except IntegrityError:  # the same key at the same moment: the other one was first
            return self._database.read(_accepted, key)

    def ask(self, key: str) -> Accepted | NotFound:
        return self._database.read(_look_up, key)


def _look_up(reading: Reading, key: str) -> Accepted | NotFound:
    row = reading.execute(
        select(sandbox_transfers.c.reference).where(sandbox_transfers.c.idempotency_key == key)
    ).first()
    return Accepted(row.reference) if row else NotFound()


def _accepted(reading: Reading, key: str) -> Accepted:
    booked = _look_up(reading, key)
    if isinstance(booked, NotFound):
        raise LookupError(f"the sandbox has lost its transfer {key}")
    return booked


def _book(tx: Transaction, key: str, amount: int, currency: str, last4: str) -> Accepted:
    reference = f"SBX-{new_id()}"
    tx.insert(
        sandbox_transfers,
        [
            {
                "idempotency_key": key,
                "reference": reference,
                "amount": amount,
                "currency": currency,
                "card_last4": last4,
                "status": PAID,
                "at": tx.now,
            }
        ],
    )
    return Accepted(reference)

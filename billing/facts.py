"""What billing holds, for the reconciliation between services (contract, section 7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from billing import models
from billing.domain import IN_FLIGHT, PayoutStatus
from billing.gateways.sandbox import sandbox_transfers
from chassis.database import Reading


@dataclass(frozen=True)
class PayoutFact:
    """One payout; `amount` is cents."""

    payout_id: str
    user_id: str
    date: date
    amount: int
    status: PayoutStatus


@dataclass(frozen=True)
class Transfer:
    """One line of the sandbox bank's book; `amount` is cents."""

    key: str
    amount: int
    reference: str


@dataclass(frozen=True)
class Difference:
    """A payout or a transfer on which we and the bank do not agree, and how."""

    payout_id: str | None
    key: str
    what: str


def payouts(reading: Reading) -> Iterator[PayoutFact]:
    """Every payout, by id."""
    table = models.payouts
    rows = reading.execute(
        select(table.c.id, table.c.user_id, table.c.date, table.c.amount, table.c.status).order_by(
            table.c.id
        )
    )
    for row in rows:
        yield PayoutFact(row.id, row.user_id, row.date, row.amount, PayoutStatus(row.status))


def sandbox_book(reading: Reading) -> Iterator[Transfer]:
    """Every transfer that the sandbox bank has made, by key."""
    book = sandbox_transfers
    rows = reading.execute(
        select(book.c.idempotency_key, book.c.amount, book.c.reference).order_by(
            book.c.idempotency_key
        )
    )
    for row in rows:
        yield Transfer(*row)


def bank_differences(reading: Reading) -> Iterator[Difference]:
    """Where succeeded payouts and the sandbox's book differ.

    The bank may have paid what is in flight before we have heard of it: no difference.
    """
    book = {transfer.key: transfer for transfer in sandbox_book(reading)}
    table = models.payouts
    rows = reading.execute(
        select(
            table.c.id,
            table.c.idempotency_key,
            table.c.amount,
            table.c.gateway_ref,
            table.c.status,
        )
        .where(table.c.gateway == "sandbox")
        .order_by(table.c.id)
    )
    for row in rows:
        transfer = book.pop(row.idempotency_key, None)
        what = _difference(transfer, row.status, row.amount, row.gateway_ref)
        if what:
            yield Difference(row.id, row.idempotency_key, what)
    for key in book:
        yield Difference(None, key, "the bank has paid what no payout asks for")


def _difference(
    transfer: Transfer | None, status: str, amount: int, reference: str | None
) -> str | None:
    if transfer is None:
        missing = status == PayoutStatus.SUCCEEDED
        return "succeeded, but not in the bank's book" if missing else None
    if status not in {PayoutStatus.SUCCEEDED, *IN_FLIGHT}:
        return f"{status}, but the bank has paid it"
    if transfer.amount != amount:
        return f"{amount} cents here, {transfer.amount} in the bank's book"
    if status == PayoutStatus.SUCCEEDED and transfer.reference != reference:
        return "another reference than in the bank's book"
    return None

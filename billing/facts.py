"""What billing holds, for the reconciliation between services (contract, section 7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from billing import models
from billing.domain import PayoutStatus
from chassis.database import Reading


@dataclass(frozen=True)
class PayoutFact:
    """One payout; `amount` is cents."""

    payout_id: str
    user_id: str
    date: date
    amount: int
    status: PayoutStatus


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

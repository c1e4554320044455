"""What the mailer holds, for the reconciliation between services."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from chassis.database import Reading
from mailer import models


@dataclass(frozen=True)
class MailFact:
    """One mail about one payout; `amount` is cents."""

    payout_id: str
    kind: str
    user_id: str
    date: date
    amount: int
    status: str


def mails(reading: Reading) -> Iterator[MailFact]:
    """Every mail, in the order of payouts and kinds."""
    rows = reading.execute(
        select(
            models.mails.c.payout_id,
            models.mails.c.kind,
            models.mails.c.user_id,
            models.mails.c.date,
            models.mails.c.amount,
            models.mails.c.status,
        ).order_by(models.mails.c.payout_id, models.mails.c.kind)
    )
    for row in rows:
        yield MailFact(*row)

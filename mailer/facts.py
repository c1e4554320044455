"""What the mailer holds, for the reconciliation between services."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from chassis.database import Reading
from mailer.models import mails


@dataclass(frozen=True)
class MailFact:
    """One mail about one payout; `amount` is cents."""

    payout_id: str
    kind: str
    user_id: str
    date: date
    amount: int
    status: str


def mail_facts(reading: Reading) -> Iterator[MailFact]:
    """Every mail, in the order of payouts and kinds."""
    rows = reading.execute(
        select(
            mails.c.payout_id,
            mails.c.kind,
            mails.c.user_id,
            mails.c.date,
            mails.c.amount,
            mails.c.status,
        ).order_by(mails.c.payout_id, mails.c.kind)
    )
    for row in rows:
        yield MailFact(*row)

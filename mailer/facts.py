"""What the mailer holds, for the reconciliation between services."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, select

from chassis.database import Reading
from mailer import models


@dataclass(frozen=True)
class MailFact:
    """One mail about one payout; `amount` is cents, `number` that of the failure it tells of."""

    mail_id: str
    payout_id: str
    kind: str
    user_id: str
    date: date
    amount: int
    status: str
    number: int


def mails(reading: Reading) -> Iterator[MailFact]:
    """Every mail, in the order of payouts and kinds."""
    for row in reading.execute(_query().order_by(models.mails.c.payout_id, models.mails.c.kind)):
        yield MailFact(*row)


def mails_of_day(reading: Reading, day: date, after: str, most: int) -> list[MailFact]:
    """At most `most` mails about payouts of one business day, by id after `after`."""
    query = _query().where(models.mails.c.date == day, models.mails.c.id > after)
    return [
        MailFact(*row) for row in reading.execute(query.order_by(models.mails.c.id).limit(most))
    ]


def _query() -> Select[Any]:
    return select(
        models.mails.c.id,
        models.mails.c.payout_id,
        models.mails.c.kind,
        models.mails.c.user_id,
        models.mails.c.date,
        models.mails.c.amount,
        models.mails.c.status,
        models.mails.c.number,
    )

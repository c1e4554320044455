"""What the mailer does with events that it hears."""

from collections.abc import Sequence
from dataclasses import replace

from chassis.access import remember_access
from chassis.database import Transaction
from chassis.events import Envelope
from chassis.inbox import Batch, Handlers
from contracts.accounts import PayoutRequested
from contracts.auth import AccessChanged
from contracts.billing import PayoutCancelled, PayoutFailed, PayoutSucceeded
from mailer.commands import News, note_outcomes, queue_mails, queue_wanted_mails
from mailer.domain import (
    CANCELLED,
    CANCELLED_KIND,
    FAILED,
    FAILED_KIND,
    PAID_KIND,
    PAYOUT_KIND,
    RETURNED,
    RETURNED_KIND,
    SUCCEEDED,
)

handlers = Handlers()
handlers.hears(AccessChanged)(remember_access)


@handlers.hears(PayoutRequested)
def queue_payout_mails(tx: Transaction, events: Batch[PayoutRequested]) -> None:
    """A payout is on its way: one mail tells the popug so (rule 17)."""
    news = [
        News(e.data.payout_id, e.data.user_id, e.data.date, e.data.amount, e.data.currency)
        for e in events
    ]
    queue_mails(tx, PAYOUT_KIND, news)


@handlers.hears(PayoutSucceeded)
def tell_successes(tx: Transaction, events: Batch[PayoutSucceeded]) -> None:
    """The bank has paid: kept beside the mail that said it was on its way, and told to those
    who have asked for it.
    """
    note_outcomes(tx, SUCCEEDED, [(e.data.payout_id, e.time) for e in events])
    queue_wanted_mails(tx, PAID_KIND, _news(tx, events))


@handlers.hears(PayoutFailed)
def tell_failures(tx: Transaction, events: Batch[PayoutFailed]) -> None:
    """The bank has refused, or has taken back what it had paid: a mail says why and what to do.

    Each failure has a mail of its own, since there is something to be done each time.
    """
    for returned, outcome, kind in ((False, FAILED, FAILED_KIND), (True, RETURNED, RETURNED_KIND)):
        these = [e for e in events if e.data.returned is returned]
        note_outcomes(tx, outcome, [(e.data.payout_id, e.time) for e in these])
        news = zip(_news(tx, these), these, strict=True)
        queue_mails(tx, kind, [replace(n, number=e.data.failure) for n, e in news])


@handlers.hears(PayoutCancelled)
def tell_cancellations(tx: Transaction, events: Batch[PayoutCancelled]) -> None:
    """A person has cancelled: a mail says that the money is back on the account."""
    note_outcomes(tx, CANCELLED, [(e.data.payout_id, e.time) for e in events])
    queue_mails(tx, CANCELLED_KIND, _news(tx, events))


def _news(
    tx: Transaction,
    events: Sequence[
        Envelope[PayoutSucceeded] | Envelope[PayoutFailed] | Envelope[PayoutCancelled]
    ],
) -> list[News]:
    return [
        News(
            e.data.payout_id,
            e.data.user_id,
            e.data.date,
            e.data.amount,
            tx.settings.currency,
            e.data.reason,
        )
        for e in events
    ]

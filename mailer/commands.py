"""What can be done to mails; each function is one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from email.utils import parseaddr

from sqlalchemy import case

from chassis.database import Transaction
from chassis.ids import new_id
from mailer import models
from mailer.domain import (
    DONE,
    LEASE,
    QUEUED,
    REASON_LENGTH,
    SENDING,
    SENT,
    Mail,
    MailOnItsWay,
    Outcome,
    Wishes,
    message_id,
    one_line,
)
from mailer.models import mails, payout_outcomes

JOB = "send mails"


@dataclass(frozen=True)
class News:
    """What a mail of one kind is to tell of one payout. `amount` is cents.

    `number`: which failure of the payout it is about.
    """

    payout_id: str
    user_id: str
    date: date
    amount: int
    currency: str
    reason: str | None = None
    number: int = 1


def queue_mails(tx: Transaction, kind: str, news: Sequence[News]) -> None:
    """Queue one mail of this kind and number for each payout, and none for one that has it."""
    wanted = {(n.payout_id, n.number): n for n in news}
    there = models.queued_already(tx, kind, {n.payout_id for n in news})
    host = parseaddr(tx.settings.mail_from)[1].rpartition("@")[2] or "localhost"
    tx.insert(
        mails,
        [
            {
                "id": new_id(),
                "payout_id": n.payout_id,
                "kind": kind,
                "user_id": n.user_id,
                "date": n.date,
                "amount": n.amount,
                "currency": n.currency,
                "reason": n.reason and one_line(n.reason, REASON_LENGTH),
                "status": QUEUED,
                "attempts": 0,
                "message_id": message_id(n.payout_id, kind, host, n.number),
                "created_at": tx.now,
                "next_attempt_at": tx.now,
                "number": n.number,
            }
            for key, n in wanted.items()
            if key not in there
        ],
    )
    tx.wake(JOB)


def queue_wanted_mails(tx: Transaction, kind: str, news: Sequence[News]) -> None:
    """Queue mails of a kind that nobody gets unless he asks for it."""
    wishes = models.wishes_of(tx, {n.user_id for n in news})
    queue_mails(tx, kind, [n for n in news if wishes[n.user_id].want(kind)])


def choose_mails(tx: Transaction, user_id: str, wishes: Wishes) -> Wishes:
    """Keep which mails this popug wants from now on."""
    tx.upsert(
        models.wishes,
        [{"user_id": user_id, "changed_at": tx.now, **vars(wishes)}],
        lambda _old, new: {name: new[name] for name in ("changed_at", *vars(wishes))},
    )
    return wishes


def note_outcomes(tx: Transaction, outcome: str, payouts: Sequence[tuple[str, datetime]]) -> None:
    """Keep that these payouts (id, moment) came to this outcome; the last moment holds."""
    last: dict[str, datetime] = {}
    for payout_id, at in payouts:
        last[payout_id] = max(at, last.get(payout_id, at))
    tx.upsert(
        payout_outcomes,
        [{"payout_id": p, "outcome": outcome, "at": at} for p, at in last.items()],
        lambda old, new: {"at": case((new.at > old.c.at, new.at), else_=old.c.at)},
    )


def claim_mails(tx: Transaction, most: int) -> list[Mail]:
    """Take up to `most` due mails to send them; nobody else has them until the lease ends."""
    _take_back(tx)
    due = models.due_for_update(tx, most)
    if not due:
        return []
    until = tx.now + LEASE
    tx.execute(
        mails.update()
        .where(mails.c.id.in_([mail.id for mail in due]), mails.c.status == QUEUED)
        .values(status=SENDING, claimed_until=until)
    )
    return [replace(mail, status=SENDING, claimed_until=until) for mail in due]


def _take_back(tx: Transaction) -> None:
    """Queue mails again whose runner died: it may repeat one, but never loses one."""
    tx.execute(
        mails.update()
        .where(models.left_behind(tx))
        .values(status=QUEUED, claimed_until=None, next_attempt_at=tx.now)
    )


def record(tx: Transaction, mail: Mail, outcome: Outcome) -> None:
    """Write down what came of a claimed mail, unless the claim has passed to another."""
    values: dict[str, object] = {
        "status": outcome.status,
        "last_error": outcome.error and one_line(outcome.error, REASON_LENGTH),
        "claimed_until": None,
        "attempts": mail.attempts + outcome.counted,
        "sent_at": tx.now if outcome.status == SENT else None,
        "next_attempt_at": outcome.due or tx.now,
    }
    if outcome.content:
        values |= vars(outcome.content)
    tx.execute(
        mails.update()
        .where(
            mails.c.id == mail.id,
            mails.c.status == SENDING,
            mails.c.claimed_until == mail.claimed_until,
        )
        .values(values)
    )


def resend_mail(tx: Transaction, mail_id: str) -> Mail:
    """Queue a mail again that was sent, failed or kept, as if it had never been tried.

    Raises MailNotFound, MailOnItsWay.
    """
    changed = tx.execute(
        mails.update()
        .where(mails.c.id == mail_id, mails.c.status.in_(DONE))
        .values(status=QUEUED, attempts=0, last_error=None, sent_at=None, next_attempt_at=tx.now)
    )
    mail = models.mail(tx, mail_id)
    if not changed.rowcount:
        raise MailOnItsWay
    tx.wake(JOB)
    return mail

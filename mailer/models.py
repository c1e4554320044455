"""The mailer's tables and what is asked of them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Date,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    UniqueConstraint,
    and_,
    exists,
    or_,
    select,
)

from chassis.columns import Cents, Code, Id, LongText, UtcDateTime, short_text
from chassis.database import Reading, Transaction
from chassis.paging import Page, page_of
from mailer.domain import (
    FAILED,
    LEASE,
    LONGEST_WAIT,
    QUEUED,
    SENDING,
    Content,
    Mail,
    MailNotFound,
    Wishes,
)

metadata = MetaData()

mails = Table(
    "mails",
    metadata,
    Column("id", Id, primary_key=True),
    Column("payout_id", Id, nullable=False),
    Column("kind", Code, nullable=False),
    Column("user_id", Id, nullable=False),
    Column("date", Date, nullable=False),
    Column("amount", Cents, nullable=False),
    Column("currency", Code, nullable=False),
    Column("reason", short_text(500)),
    Column("status", Code, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", short_text(500)),
    Column("message_id", short_text(320), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("claimed_until", UtcDateTime),
    Column("email", short_text(254)),
    Column("language", Code),
    Column("subject", short_text(200)),
    Column("text", LongText),
    Column("html", LongText),
    # Which failure of the payout it tells of; 1 for every other kind of mail.
    Column("number", Integer, nullable=False, server_default="1"),
    UniqueConstraint("payout_id", "kind", "number", name="uq_mails_payout_kind_number"),
    Index("ix_mails_due", "status", "next_attempt_at"),
    Index("ix_mails_user", "user_id", "id"),
    Index("ix_mails_date", "date", "id"),
)

# What billing said of a payout. One row for each thing it said, so that the order in
# which it is heard does not matter.
payout_outcomes = Table(
    "payout_outcomes",
    metadata,
    Column("payout_id", Id, primary_key=True),
    Column("outcome", Code, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)

# Who has chosen which mails he wants; who has not is missing, and has the defaults.
wishes = Table(
    "wishes",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("on_its_way", Boolean, nullable=False),
    Column("paid", Boolean, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)


def mail_of(row: Row[Any]) -> Mail:
    """A row of `mails` as the domain's value."""
    content = None
    if row.subject is not None:
        content = Content(row.email, row.language, row.subject, row.text, row.html)
    return Mail(
        id=row.id,
        payout_id=row.payout_id,
        kind=row.kind,
        user_id=row.user_id,
        date=row.date,
        amount=row.amount,
        currency=row.currency,
        reason=row.reason,
        status=row.status,
        attempts=row.attempts,
        last_error=row.last_error,
        message_id=row.message_id,
        created_at=row.created_at,
        sent_at=row.sent_at,
        claimed_until=row.claimed_until,
        content=content,
    )


def mail(reading: Reading, mail_id: str, owner: str | None = None) -> Mail:
    """One mail; with `owner`, only if it is his. Raises MailNotFound."""
    if not mail_id.isascii():  # MySQL cannot even compare such a thing with an id
        raise MailNotFound
    row = reading.execute(select(mails).where(mails.c.id == mail_id)).one_or_none()
    if row is None or (owner is not None and row.user_id != owner):
        raise MailNotFound
    return mail_of(row)


def list_mails(
    reading: Reading,
    user_id: str | None,
    status: str | None,
    limit: int,
    after: str | None,
    *,
    payout_id: str | None = None,
) -> Page[Mail]:
    """Mails newest first; of one person, in one status, of one payout where these are given."""
    wanted = select(mails).order_by(mails.c.id.desc()).limit(limit + 1)
    if user_id is not None:
        wanted = wanted.where(mails.c.user_id == user_id)
    if status is not None:
        wanted = wanted.where(mails.c.status == status)
    if payout_id is not None:
        wanted = wanted.where(mails.c.payout_id == payout_id)
    if after is not None:
        wanted = wanted.where(mails.c.id < after)
    found = [mail_of(row) for row in reading.execute(wanted)]
    return page_of(found, limit, lambda mail: [mail.id])


def queued_already(
    reading: Reading, kind: str, payout_ids: Collection[str]
) -> set[tuple[str, int]]:
    """The mails of this kind about these payouts: payout and number."""
    rows = reading.execute(
        select(mails.c.payout_id, mails.c.number).where(
            mails.c.kind == kind, mails.c.payout_id.in_(sorted(payout_ids))
        )
    )
    return {(row.payout_id, row.number) for row in rows}


def anything_due(reading: Reading) -> bool:
    """Whether a mail waits for the job now, or was left behind by one that died."""
    due = exists().where(mails.c.status == QUEUED, _is_due(reading))
    lost = exists().where(left_behind(reading))
    return bool(reading.execute(select(due)).scalar() or reading.execute(select(lost)).scalar())


def left_behind(reading: Reading) -> ColumnElement[bool]:
    """Claimed by a runner that died, or by one whose clock was ahead of this one."""
    until = mails.c.claimed_until
    over = or_(until <= reading.now, until > reading.now + LEASE)
    return and_(mails.c.status == SENDING, over)


def _is_due(reading: Reading) -> ColumnElement[bool]:
    due = mails.c.next_attempt_at
    return or_(due <= reading.now, due > reading.now + LONGEST_WAIT)


def due_for_update(tx: Transaction, most: int) -> list[Mail]:
    """The oldest due mails, locked; those that another runner has locked are passed over."""
    rows = tx.execute(
        select(mails)
        .where(mails.c.status == QUEUED, _is_due(tx))
        .order_by(mails.c.next_attempt_at, mails.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [mail_of(row) for row in rows]


def outcomes(reading: Reading, payout_ids: Sequence[str]) -> dict[str, tuple[str, datetime]]:
    """What became of each payout, and when; a payout that is under way is missing.

    A failed payout may be tried again, so what was heard beside a failure overrules it.
    What was paid may come back, and what came back be paid: the last of these holds.
    """
    rows = reading.execute(
        select(payout_outcomes).where(payout_outcomes.c.payout_id.in_(payout_ids))
    ).all()
    ordered = sorted(rows, key=lambda row: (row.outcome != FAILED, row.at, row.outcome))
    return {row.payout_id: (row.outcome, row.at) for row in ordered}


def wishes_of(reading: Reading, user_ids: Collection[str]) -> dict[str, Wishes]:
    """Which mails each of these popugs wants."""
    rows = reading.execute(select(wishes).where(wishes.c.user_id.in_(sorted(user_ids))))
    chosen = {row.user_id: Wishes(row.on_its_way, row.paid, row.cancelled) for row in rows}
    return {user_id: chosen.get(user_id, Wishes()) for user_id in user_ids}

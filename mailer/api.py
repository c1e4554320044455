"""The REST side of the mailer."""

from datetime import date, datetime
from typing import Any, Literal

from flask_babel import lazy_gettext as _l
from pydantic import BaseModel

from chassis.access import allowed, current_user, signed_in
from chassis.days import WrittenDay
from chassis.events import EventId
from chassis.identity import SERVICE_ROLE
from chassis.openapi import Api, Input, Listing
from chassis.paging import page_of, read_cursor
from chassis.refusals import Problem
from chassis.runtime import query as look
from chassis.runtime import runtime, transact
from contracts.roles import ADMIN
from mailer import commands, facts, models, resending
from mailer.domain import Mail, Wishes

# A field is named `date`, which would hide the class.
CalendarDay = date

api = Api("mailer", "Mails of UberPopug Inc.")


class MailOut(BaseModel):
    """A mail; address and content are null until it is written."""

    id: str
    user_id: str
    email: str | None
    subject: str | None
    text: str | None
    html: str | None
    status: str
    attempts: int
    created_at: datetime
    sent_at: datetime | None


class MailsOut(BaseModel):
    """One page of mails, newest first."""

    items: list[MailOut]
    next: str | None


class MailsQuery(Listing):
    """Whose mails, of which payout, in which status."""

    user_id: EventId | None = None
    payout_id: EventId | None = None
    status: Literal["queued", "sending", "sent", "failed", "kept"] | None = None


class WishesIn(Input):
    """Which mails one wants. That a payout failed or needs a card is told in any case."""

    on_its_way: bool
    paid: bool
    cancelled: bool


class WishesOut(BaseModel):
    """The same as it is kept."""

    on_its_way: bool
    paid: bool
    cancelled: bool


@api.get("/mails")
@signed_in
@api.describe(answer=MailsOut)
def list_mails(query: MailsQuery) -> Any:
    """One's own mails; an admin sees everybody's."""
    owner = query.user_id
    if current_user.role != ADMIN:
        if owner not in (None, current_user.user_id):
            raise Problem(403, _l("Only an admin may see other people's mails."))
        owner = current_user.user_id
    after = read_cursor(query.after, str)
    page = look(
        models.list_mails,
        owner,
        query.status,
        query.limit,
        after and after[0],
        payout_id=query.payout_id,
    )
    return MailsOut(items=[_out(mail) for mail in page.items], next=page.next)


class DayQuery(Listing):
    """Mails about payouts of one business day."""

    date: WrittenDay


class PayoutMailOut(BaseModel):
    """What a mail is about; `amount` is cents, `number` that of the failure it tells of."""

    id: str
    payout_id: str
    kind: str
    user_id: str
    date: CalendarDay
    amount: int
    status: str
    number: int


class PayoutMailsOut(BaseModel):
    """One page of a day's mails, oldest first."""

    items: list[PayoutMailOut]
    next: str | None


@api.get("/payout-mails")
@allowed(ADMIN, SERVICE_ROLE)
@api.describe(answer=PayoutMailsOut)
def payout_mails(query: DayQuery) -> PayoutMailsOut:
    """Which mails there are about a day's payouts, to be compared with the payouts."""
    after = read_cursor(query.after, str)
    rows = look(facts.mails_of_day, query.date, after[0] if after else "", query.limit + 1)
    page = page_of(rows, query.limit, lambda mail: [mail.mail_id])
    items = [
        PayoutMailOut(
            id=mail.mail_id,
            payout_id=mail.payout_id,
            kind=mail.kind,
            user_id=mail.user_id,
            date=mail.date,
            amount=mail.amount,
            status=mail.status,
            number=mail.number,
        )
        for mail in page.items
    ]
    return PayoutMailsOut(items=items, next=page.next)


@api.get("/mails/<mail_id>")
@signed_in
@api.describe(answer=MailOut, refuses=(404,))
def show_mail(mail_id: str) -> Any:
    """One mail; somebody else's is not found."""
    owner = None if current_user.role == ADMIN else current_user.user_id
    return _out(look(models.mail, mail_id, owner))


@api.post("/mails/<mail_id>/resend")
@allowed(ADMIN)
@api.describe(answer=MailOut, refuses=(404, 409))
def resend_mail(mail_id: str) -> Any:
    """Queue a mail again that was sent, failed or kept; not one that its reader has turned off."""
    return _out(resending.resend(runtime, mail_id))


@api.get("/preferences/me")
@signed_in
@api.describe(answer=WishesOut)
def show_wishes() -> WishesOut:
    """Which mails one gets."""
    me = current_user.user_id
    return WishesOut(**vars(look(models.wishes_of, [me])[me]))


@api.put("/preferences/me")
@signed_in
@api.describe(answer=WishesOut)
def choose_wishes(json: WishesIn) -> WishesOut:
    """Choose which mails one gets."""
    chosen = Wishes(**json.model_dump())
    return WishesOut(**vars(transact(commands.choose_mails, current_user.user_id, chosen)))


def _out(mail: Mail) -> MailOut:
    content = mail.content
    return MailOut(
        id=mail.id,
        user_id=mail.user_id,
        email=content.email if content else None,
        subject=content.subject if content else None,
        text=content.text if content else None,
        html=content.html if content else None,
        status=mail.status,
        attempts=mail.attempts,
        created_at=mail.created_at,
        sent_at=mail.sent_at,
    )

"""The REST side of the mailer."""

from datetime import datetime
from typing import Any, Literal

from flask_babel import lazy_gettext as _l
from pydantic import BaseModel

from chassis.access import allowed, current_user, signed_in
from chassis.events import EventId
from chassis.openapi import Api, Listing
from chassis.paging import read_cursor
from chassis.refusals import Problem
from chassis.runtime import query as look
from chassis.runtime import transact
from contracts.roles import ADMIN
from mailer import commands, models
from mailer.domain import Mail

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
    """Whose mails, in which status."""

    user_id: EventId | None = None
    status: Literal["queued", "sending", "sent", "failed", "kept"] | None = None


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
    page = look(models.list_mails, owner, query.status, query.limit, after and after[0])
    return MailsOut(items=[_out(mail) for mail in page.items], next=page.next)


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
    """Queue a mail again that was sent, failed or kept."""
    return _out(transact(commands.resend_mail, mail_id))


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

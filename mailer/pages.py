"""The mailer's pages: my mails, to admins everybody's, and one mail as its reader sees it."""

from typing import Any

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField

from chassis.access import allowed, current_user, signed_in
from chassis.paging import DEFAULT_LIMIT, read_cursor
from chassis.runtime import query, runtime, transact
from chassis.security import CONTENT_SECURITY_POLICY
from contracts.rest import person_names
from contracts.roles import ADMIN
from mailer import commands, models, resending
from mailer.domain import (
    CANCELLED,
    CANCELLED_KIND,
    DONE,
    FAILED,
    FAILED_KIND,
    KEPT,
    PAID_KIND,
    PAYOUT_KIND,
    QUEUED,
    RETURNED,
    RETURNED_KIND,
    SENDING,
    SENT,
    STATUSES,
    SUCCEEDED,
    UNWANTED,
    Mail,
    MailNotFound,
    Wishes,
)

pages = Blueprint("pages", __name__)

# A page that shows a mail may hold one frame of ours; the mail itself may do nothing.
FRAMING_POLICY = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'none'; sandbox"
)

STATUS_WORDS = {
    QUEUED: (_l("queued"), "secondary"),
    SENDING: (_l("sending"), "info"),
    SENT: (_l("sent"), "success"),
    FAILED: (_l("failed"), "danger"),
    KEPT: (_l("kept, not sent"), "secondary"),
}
OUTCOME_WORDS = {
    SUCCEEDED: (_l("paid"), "success"),
    FAILED: (_l("refused by the bank"), "danger"),
    RETURNED: (_l("came back from the bank"), "danger"),
    CANCELLED: (_l("cancelled"), "warning"),
}
KIND_WORDS = {
    PAYOUT_KIND: _l("Payout on its way"),
    PAID_KIND: _l("Payout paid"),
    FAILED_KIND: _l("Payout refused"),
    RETURNED_KIND: _l("Payout came back"),
    CANCELLED_KIND: _l("Payout cancelled"),
}
WORDS = {
    "statuses": STATUS_WORDS,
    "outcome_words": OUTCOME_WORDS,
    "kinds": KIND_WORDS,
    "unwanted": UNWANTED,
}


class WishesForm(FlaskForm):  # type: ignore[misc]  # the library ships no types
    """Which mails one gets."""

    on_its_way = BooleanField(_l("when a payout is on its way"))
    paid = BooleanField(_l("when the bank has paid it"))
    cancelled = BooleanField(_l("when a payout is cancelled and the money is back on my account"))


@pages.get("/")
@signed_in
def mails() -> str:
    """One's own mails, newest first; to an admin all of them, with filters."""
    admin = current_user.role == ADMIN
    owner = (request.args.get("user_id") or None) if admin else current_user.user_id
    status = request.args.get("status")
    status = status if status in STATUSES else None
    after = read_cursor(request.args.get("after"), str)
    if owner is not None and not owner.isascii():
        owner = ""  # no id looks like this, so the list is empty
    page = query(models.list_mails, owner, status, DEFAULT_LIMIT, after and after[0])
    names = person_names(runtime.remote, [mail.user_id for mail in page.items]) if admin else {}
    return render_template(
        "mailer/mails.html",
        admin=admin,
        page=page,
        names=names,
        outcomes=query(models.outcomes, [mail.payout_id for mail in page.items]),
        status=status,
        owner=owner if admin else None,
        done=DONE,
        payout_kind=PAYOUT_KIND,
        form=_wishes_form(),
        **WORDS,
    )


@pages.get("/mails/<mail_id>")
@signed_in
def one_mail(mail_id: str) -> Response:
    """One mail as its reader sees it: the text in the page, the HTML in a frame."""
    mail = _visible(mail_id)
    names = person_names(runtime.remote, [mail.user_id])
    response = make_response(
        render_template(
            "mailer/mail.html",
            admin=current_user.role == ADMIN,
            mail=mail,
            name=names[mail.user_id],
            outcome=query(models.outcomes, [mail.payout_id]).get(mail.payout_id),
            done=DONE,
            **WORDS,
        )
    )
    response.headers["Content-Security-Policy"] = FRAMING_POLICY
    return response


@pages.get("/mails/<mail_id>/html")
@signed_in
def html_of_mail(mail_id: str) -> Response:
    """The mail's HTML by itself, for the frame on its page: nothing in it may run."""
    mail = _visible(mail_id)
    if mail.content is None:
        raise MailNotFound
    response = make_response(mail.content.html)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


@pages.post("/mails/<mail_id>/resend")
@allowed(ADMIN)
def resend(mail_id: str) -> Any:
    """Have a mail sent again. Raises MailNotFound, MailOnItsWay, MailUnwanted."""
    resending.resend(runtime, mail_id)
    flash(_("The mail will be sent again in a moment."), "success")
    return redirect(url_for(".one_mail", mail_id=mail_id), 303)


@pages.post("/preferences")
@signed_in
def choose() -> Any:
    """Choose which mails one gets."""
    form = WishesForm()
    chosen = Wishes(form.on_its_way.data, form.paid.data, form.cancelled.data)
    transact(commands.choose_mails, current_user.user_id, chosen)
    flash(_("Your choice of mails is kept."), "success")
    return redirect(url_for(".mails"), 303)


def _wishes_form() -> WishesForm:
    me = current_user.user_id
    return WishesForm(formdata=None, data=vars(query(models.wishes_of, [me])[me]))


def _visible(mail_id: str) -> Mail:
    owner = None if current_user.role == ADMIN else current_user.user_id
    return query(models.mail, mail_id, owner)

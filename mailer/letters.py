"""Writing a mail: asks who it goes to and what stands in the statement, and puts it in words.

The sentences are made here once, in the recipient's language; the templates only lay
them out as text and as HTML.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import render_template
from flask_babel import force_locale, format_currency, format_date, format_datetime, ngettext
from flask_babel import gettext as _

from chassis.languages import DEFAULT, LANGUAGES
from chassis.remote import RemoteAway, RemoteRefused
from chassis.runtime import Runtime
from contracts.rest import task_titles
from mailer.domain import (
    FAILED_KIND,
    NAME_LENGTH,
    PAYOUT_KIND,
    AddressRefused,
    Content,
    Mail,
    checked_address,
    one_line,
)

LINES_MOST = 20
TITLE_LENGTH = 120

# A transaction as accounts gives it over REST.
Entry = dict[str, Any]


class NotReady(Exception):
    """Another service is away; the mail can be written later."""


class NoRecipient(Exception):
    """The mail can never be written; the text says why."""


@dataclass(frozen=True)
class Recipient:
    """Whom a mail goes to, as auth knows him at this moment."""

    name: str
    email: str
    language: str


@dataclass(frozen=True)
class Line:
    """One line of the statement, in words."""

    at: str
    what: str
    sum: str


@dataclass(frozen=True)
class Letter:
    """All sentences of a mail."""

    subject: str
    greeting: str
    paragraphs: list[str]
    statement_title: str
    lines: list[Line]
    more: str
    link_text: str
    link: str
    closing: str


def write_mail(runtime: Runtime, mail: Mail) -> tuple[Recipient, Content]:
    """The mail as it is to be sent now. Raises NotReady, NoRecipient.

    Asks other services, so never call it inside a transaction.
    """
    recipient = _recipient(runtime, mail.user_id)
    entries = _entries(runtime, mail) if mail.kind == PAYOUT_KIND else None
    if runtime.app is None:
        raise RuntimeError("mails are written in the context of the service's app")
    with runtime.app.app_context(), force_locale(recipient.language):
        letter = _letter(runtime, mail, recipient.name, entries)
        return recipient, Content(
            email=recipient.email,
            language=recipient.language,
            subject=letter.subject,
            text=render_template("mailer/letter.txt", letter=letter),
            html=render_template("mailer/letter.html", letter=letter),
        )


def _recipient(runtime: Runtime, user_id: str) -> Recipient:
    try:
        user = runtime.remote.get("auth", f"/api/v1/users/{user_id}", as_service=True)
        language = user.get("language")
        return Recipient(
            name=one_line(str(user["name"]), NAME_LENGTH),
            email=checked_address(user.get("email")),
            language=language if language in LANGUAGES else DEFAULT,
        )
    except RemoteAway as away:
        raise NotReady(str(away)) from away
    except RemoteRefused as refused:
        if refused.status == 404:
            raise NoRecipient("auth does not know this user") from refused
        raise NotReady(f"auth: {refused}") from refused
    except AddressRefused as wrong:
        raise NoRecipient(str(wrong)) from wrong


def _entries(runtime: Runtime, mail: Mail) -> list[Entry] | None:
    """What was posted on the day, oldest first, without the payout itself."""
    path = f"/api/v1/accounts/{mail.user_id}/transactions"
    try:
        found = runtime.remote.items("accounts", path, as_service=True, day=mail.date.isoformat())
    except RemoteAway as away:
        raise NotReady(str(away)) from away
    except RemoteRefused as refused:
        if refused.status == 404:  # he is paid all the same, and the link shows the rest
            return None
        raise NotReady(f"accounts: {refused}") from refused
    return [entry for entry in reversed(found) if entry["kind"] != "payout"]


def _letter(runtime: Runtime, mail: Mail, name: str, entries: list[Entry] | None) -> Letter:
    subject, paragraphs = _wording(mail)
    more = max(0, len(entries or ()) - LINES_MOST)
    return Letter(
        subject=one_line(subject, 200),
        greeting=_("Hello, %(name)s!", name=name),
        paragraphs=paragraphs,
        statement_title=_("Your statement for %(day)s", day=_day(mail.date)),
        lines=[] if entries is None else _statement(runtime, mail, entries),
        more=ngettext("and %(num)d more entry", "and %(num)d more entries", more) if more else "",
        link_text=_("Your account"),
        link=f"{runtime.settings.public_url}/accounts/",
        closing=_("Popug, on behalf of UberPopug Inc."),
    )


def _wording(mail: Mail) -> tuple[str, list[str]]:
    """The subject and the sentences for each kind of mail."""
    facts = {"day": _day(mail.date), "amount": _money(mail.amount, mail.currency)}
    if mail.kind == PAYOUT_KIND:
        return _("Your payout for %(day)s is on its way: %(amount)s", **facts), [
            _("What you earned by the end of %(day)s is on its way to your card.", **facts),
            _("Amount: %(amount)s", **facts),
        ]
    reason = [_("The reason: %(reason)s", reason=mail.reason)] if mail.reason else []
    if mail.kind == FAILED_KIND:
        return _("Your payout for %(day)s did not go through: %(amount)s", **facts), [
            _("The bank refused your payout of %(amount)s for %(day)s.", **facts),
            *reason,
            _(
                "Please check the card on the page My payouts, "
                "and ask an accountant to send it again."
            ),
        ]
    return _("Your payout for %(day)s was cancelled: %(amount)s", **facts), [
        _("Your payout of %(amount)s for %(day)s was cancelled.", **facts),
        *reason,
        _("The money is back on your account and will be paid with a later day."),
    ]


def _statement(runtime: Runtime, mail: Mail, entries: list[Entry]) -> list[Line]:
    """The first entries of the day; what is missing to the amount is from days before."""
    shown = entries[:LINES_MOST]
    titles = task_titles(runtime.remote, [entry["task_id"] for entry in shown])
    lines = [_line(entry, titles, mail.currency) for entry in shown]
    carried = mail.amount - sum(entry["sum"] for entry in entries)
    if carried:
        before = _("Carried over from earlier days")
        lines.insert(0, Line("", before, _money(carried, mail.currency)))
    return lines


def _line(entry: Entry, titles: dict[str, str], currency: str) -> Line:
    title = one_line(titles[entry["task_id"]] if entry["task_id"] else "", TITLE_LENGTH)
    words = {
        "fee": _("Fee: %(title)s", title=title),
        "reward": _("Reward: %(title)s", title=title),
    }
    note = one_line(entry["note"] or "", TITLE_LENGTH)
    correction = _("Correction: %(note)s", note=note or title)
    moment = datetime.fromisoformat(entry["datetime"])
    return Line(
        at=str(format_datetime(moment, "short")),
        what=words.get(entry["kind"], correction),
        sum=_money(entry["sum"], currency),
    )


def _day(value: date) -> str:
    return str(format_date(value, "long", rebase=False))


def _money(cents: int, currency: str) -> str:
    return str(format_currency(Decimal(cents) / 100, currency))

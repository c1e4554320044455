"""Writing a mail: asks who it goes to and what stands in the statement, and puts it in words.

The sentences are made here once, in the recipient's language; the templates only lay
them out as text and as HTML.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import render_template
from flask_babel import force_locale, format_datetime, ngettext
from flask_babel import gettext as _

from chassis.runtime import Runtime
from contracts.rest import task_titles
from mailer import asking, models
from mailer.asking import Entry, Recipient
from mailer.domain import MUST_GO, PAYOUT_KIND, Content, Mail, one_line
from mailer.wording import day, money, words

LINES_MOST = 20
TITLE_LENGTH = 120


@dataclass(frozen=True)
class Written:
    """A mail as it is to be sent. `must_go`: its reader must act, whatever mails he wants."""

    recipient: Recipient
    content: Content
    must_go: bool


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
    links: list[tuple[str, str]]
    closing: str
    choice_text: str
    choice_link: str


def write_mail(runtime: Runtime, mail: Mail) -> Written:
    """The mail as it is to be sent now. Raises NotReady, NoRecipient.

    Asks other services, so never call it inside a transaction.
    """
    recipient = asking.recipient(runtime, mail.user_id)
    entries = asking.entries(runtime, mail) if mail.kind == PAYOUT_KIND else None
    without_card = mail.kind == PAYOUT_KIND and lacks_card(runtime, mail)
    if runtime.app is None:
        raise RuntimeError("mails are written in the context of the service's app")
    with runtime.app.app_context(), force_locale(recipient.language):
        letter = _letter(runtime, mail, recipient.name, entries, without_card)
        content = Content(
            email=recipient.email,
            language=recipient.language,
            subject=letter.subject,
            text=render_template("mailer/letter.txt", letter=letter),
            html=render_template("mailer/letter.html", letter=letter),
        )
    return Written(recipient, content, must_go=without_card or mail.kind in MUST_GO)


def lacks_card(runtime: Runtime, mail: Mail) -> bool:
    """Whether the payout waits for a card. One that has come to an outcome does not.

    Raises NotReady.
    """
    if runtime.database.read(models.outcomes, [mail.payout_id]):
        return False
    return asking.lacks_card(runtime, mail.user_id)


def _letter(
    runtime: Runtime, mail: Mail, name: str, entries: list[Entry] | None, without_card: bool
) -> Letter:
    said, site = words(mail, without_card), runtime.settings.public_url
    more = max(0, len(entries or ()) - LINES_MOST)
    return Letter(
        subject=one_line(said.subject, 200),
        greeting=_("Hello, %(name)s!", name=name),
        paragraphs=said.paragraphs,
        statement_title=_("Your statement for %(day)s", day=day(mail.date)),
        lines=[] if entries is None else _statement(runtime, mail, entries),
        more=ngettext("and %(num)d more entry", "and %(num)d more entries", more) if more else "",
        links=[
            (_("Your pay slip for %(day)s", day=day(mail.date)), f"{site}{_payslip(mail)}"),
            (said.link_text, site + said.link_path),
        ],
        closing=_("Popug, on behalf of UberPopug Inc."),
        choice_text=_("Choose which mails you get"),
        choice_link=f"{site}/mailer/#wishes",
    )


def _payslip(mail: Mail) -> str:
    """Where accounts shows its reader what stands behind the amount."""
    return f"/accounts/payslips/me/{mail.date.isoformat()}"


def _statement(runtime: Runtime, mail: Mail, entries: list[Entry]) -> list[Line]:
    """The first entries of the day; what is missing to the amount is from days before."""
    shown = entries[:LINES_MOST]
    titles = task_titles(runtime.remote, [entry["task_id"] for entry in shown])
    lines = [_line(entry, titles, mail.currency) for entry in shown]
    carried = mail.amount - sum(entry["sum"] for entry in entries)
    if carried:
        before = _("Carried over from earlier days")
        lines.insert(0, Line("", before, money(carried, mail.currency)))
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
        sum=money(entry["sum"], currency),
    )

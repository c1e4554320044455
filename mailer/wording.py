"""What each kind of mail says, in the language of the moment."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flask_babel import format_currency, format_date
from flask_babel import gettext as _

from contracts.billing import RETURNED
from mailer.domain import FAILED_KIND, PAID_KIND, PAYOUT_KIND, RETURNED_KIND, Mail


@dataclass(frozen=True)
class Words:
    """Subject and sentences of a mail, and where its link leads: a path of the site."""

    subject: str
    paragraphs: list[str]
    link_text: str
    link_path: str


def words(mail: Mail, lacks_card: bool) -> Words:
    """What to say. `lacks_card`: the payout cannot go out before its popug stores a card."""
    facts = {"day": day(mail.date), "amount": money(mail.amount, mail.currency)}
    if mail.kind == PAYOUT_KIND:
        return _needs_card(facts) if lacks_card else _on_its_way(facts)
    if mail.kind == PAID_KIND:
        return _paid(facts)
    reason = _reason(mail.reason)
    if mail.kind == RETURNED_KIND:
        return _returned(facts, _reason((mail.reason or "").removeprefix(f"{RETURNED}: ")))
    return _failed(facts, reason) if mail.kind == FAILED_KIND else _cancelled(facts, reason)


def _reason(text: str | None) -> list[str]:
    """What billing notes itself is in our catalogs; what people and banks wrote stays as it is."""
    return [_("The reason: %(reason)s", reason=_(text))] if text else []


def _on_its_way(facts: dict[str, str]) -> Words:
    return _about_account(
        _("Your payout for %(day)s is on its way: %(amount)s", **facts),
        [
            _("What you earned by the end of %(day)s is on its way to your card.", **facts),
            _("Amount: %(amount)s", **facts),
        ],
    )


def _needs_card(facts: dict[str, str]) -> Words:
    return _about_payouts(
        _("Your payout for %(day)s waits for a card: %(amount)s", **facts),
        [
            _("We cannot pay you what you earned by the end of %(day)s.", **facts),
            _("Amount: %(amount)s", **facts),
            _(
                "You have stored no card. Please store one on the page My payouts; "
                "the payout then goes out by itself."
            ),
        ],
    )


def _paid(facts: dict[str, str]) -> Words:
    return _about_account(
        _("Your payout for %(day)s was paid: %(amount)s", **facts),
        [_("The bank has paid %(amount)s for %(day)s to your card.", **facts)],
    )


def _failed(facts: dict[str, str], reason: list[str]) -> Words:
    return _about_payouts(
        _("Your payout for %(day)s did not go through: %(amount)s", **facts),
        [
            _("The bank refused your payout of %(amount)s for %(day)s.", **facts),
            *reason,
            _(
                "Please check the card on the page My payouts, "
                "and ask an accountant to send it again."
            ),
        ],
    )


def _returned(facts: dict[str, str], reason: list[str]) -> Words:
    return _about_payouts(
        _("Your payout for %(day)s came back: %(amount)s", **facts),
        [
            _("The bank had paid %(amount)s for %(day)s, and the money has come back.", **facts),
            *reason,
            _(
                "Please check the card on the page My payouts, "
                "and ask an accountant to send it again."
            ),
        ],
    )


def _cancelled(facts: dict[str, str], reason: list[str]) -> Words:
    return _about_account(
        _("Your payout for %(day)s was cancelled: %(amount)s", **facts),
        [
            _("Your payout of %(amount)s for %(day)s was cancelled.", **facts),
            *reason,
            _("The money is back on your account and will be paid with a later day."),
        ],
    )


def _about_account(subject: str, paragraphs: list[str]) -> Words:
    return Words(subject, paragraphs, _("Your account"), "/accounts/")


def _about_payouts(subject: str, paragraphs: list[str]) -> Words:
    return Words(subject, paragraphs, _("My payouts"), "/billing/")


def day(value: date) -> str:
    """A day as a sentence has it."""
    return str(format_date(value, "long", rebase=False))


def money(cents: int, currency: str) -> str:
    """An amount of cents in its own currency."""
    return str(format_currency(Decimal(cents) / 100, currency))

"""Billing's pages: my card and my payouts; all payouts, one payout, the day's report."""

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField, TextAreaField

from billing import asking, cards, claims, commands, listing, models
from billing.answers import WRONG_AMOUNT
from billing.domain import PayoutStatus, ReasonRefused
from billing.domain_cards import NotACardNumber
from billing.domain_moves import TRANSITIONS
from billing.listing import payouts_page
from billing.refusals import refusals
from billing.reports_api import report_of
from billing.sight import seen
from billing.words import PARTS, STATUSES, bank_says, meaning, who, why
from chassis.access import allowed, current_user, signed_in
from chassis.database import Reading
from chassis.days import read_day
from chassis.paging import DEFAULT_LIMIT
from chassis.runtime import query, runtime, transact
from contracts.rest import person_names
from contracts.roles import ACCOUNTANT, ADMIN, BOOKKEEPERS

pages = Blueprint("pages", __name__)

PEOPLE_IN_FILTER = 500
WORDS = {
    "statuses": STATUSES,
    "meaning": meaning,
    "why": why,
    "who": who,
    "bank_says": bank_says,
}


class CardForm(FlaskForm):  # type: ignore[misc]
    """The card to be paid to."""

    card_number = StringField(
        _l("Card number"),
        description=_l("13 to 19 digits. We show you no more than the last four again."),
    )


class CancelForm(FlaskForm):  # type: ignore[misc]
    """Why a payout is given up."""

    reason = TextAreaField(
        _l("Reason"), description=_l("The popug reads it, and the money returns to his account.")
    )


def _mine(form: CardForm) -> str:
    page = payouts_page(DEFAULT_LIMIT, request.args.get("after"), user_id=current_user.user_id)
    card = query(cards.shown_card, current_user.user_id)
    return render_template("billing/mine.html", form=form, page=page, card=card, **WORDS)


@pages.get("/")
@signed_in
def mine() -> str:
    """My card, and my payouts with what each waits for."""
    return _mine(CardForm(formdata=None))


@pages.post("/card")
@signed_in
def store_card() -> Response | tuple[str, int]:
    """Store my card; a refused number is not shown again, not even in the form."""
    try:
        last4 = transact(
            commands.store_card, current_user.user_id, request.form.get("card_number", "")
        )
    except NotACardNumber:
        form = CardForm(formdata=None)
        form.card_number.errors = [refusals[NotACardNumber].sentence]
        return _mine(form), 422
    flash(_("Your card •••• %(last4)s is stored.", last4=last4), "success")
    return redirect(url_for(".mine"), 303)


@pages.post("/card/remove")
@signed_in
def remove_card() -> Response:
    """Forget my card."""
    if transact(commands.remove_card, current_user.user_id):
        flash(_("Your card is removed. Payouts wait until you store another one."), "success")
    return redirect(url_for(".mine"), 303)


@pages.get("/payouts")
@allowed(ACCOUNTANT, ADMIN)
def payouts() -> str:
    """Everybody's payouts, by day, status and person. Raises NotADay."""
    wanted = {name: request.args.get(name) or None for name in ("date", "status", "user_id")}
    status = wanted["status"] if wanted["status"] in list(PayoutStatus) else None
    day = read_day(wanted["date"]) if wanted["date"] else None
    page = payouts_page(
        DEFAULT_LIMIT,
        request.args.get("after"),
        user_id=wanted["user_id"],
        day=day,
        status=PayoutStatus(status) if status else None,
    )
    people = query(listing.paid_people, PEOPLE_IN_FILTER)
    names = person_names(runtime.remote, {*people, *(p.user_id for p in page.items)})
    return render_template(
        "billing/payouts.html",
        rows=tuple((payout, names[payout.user_id]) for payout in page.items),
        next=page.next,
        people=tuple(sorted(((each, names[each]) for each in people), key=_by_name)),
        filters=wanted | {"status": status},
        report_day=day or (page.items[0].date if page.items else query(_today)),
        **WORDS,
    )


def _by_name(person: tuple[str, str]) -> str:
    return person[1].casefold()


def _today(reading: Reading) -> date:
    return reading.today


def _payout(payout_id: str, form: CancelForm) -> str:
    payout = seen(query(models.payout, payout_id))
    moves = query(listing.history, payout_id)
    said = query(claims.of_payout, payout_id)
    askings = query(asking.of_payout, payout_id)
    out = query(claims.still_out, payout)
    is_settled = all(claim.decided_at for claim in out)
    acted = {move.by for move in moves} | {c.decided_by for c in said} | {a.by for a in askings}
    names = person_names(runtime.remote, {payout.user_id, *(acted - PARTS.keys())})
    return render_template(
        "billing/payout.html",
        payout=payout,
        name=names[payout.user_id],
        names=names,
        moves=moves,
        claims=said,
        askings=askings,
        form=form,
        keeps_books=current_user.role in BOOKKEEPERS,
        may_be_back=query(commands.may_be_back, payout),
        paid_out=out,
        other_amount=payout.reason == WRONG_AMOUNT,
        can_decide=payout.status is PayoutStatus.NEEDS_PERSON,
        can_ask=payout.status in asking.MAY_BE_ASKED,
        can_retry=is_settled and payout.status is PayoutStatus.FAILED,
        can_cancel=is_settled and PayoutStatus.CANCELLED in TRANSITIONS[payout.status],
        **WORDS,
    )


@pages.get("/payouts/<payout_id>")
@signed_in
def payout(payout_id: str) -> str:
    """One payout with its history; somebody else's is not found."""
    return _payout(payout_id, CancelForm(formdata=None))


@pages.post("/payouts/<payout_id>/retry")
@allowed(ACCOUNTANT, ADMIN)
def retry(payout_id: str) -> Response:
    """Send a failed payout again."""
    transact(commands.retry_payout, payout_id, current_user.user_id)
    flash(_("The payout is sent again."), "success")
    return redirect(url_for(".payout", payout_id=payout_id), 303)


@pages.post("/payouts/<payout_id>/cancel")
@allowed(ACCOUNTANT, ADMIN)
def cancel(payout_id: str) -> Any:
    """Give a payout up, with a reason."""
    form = CancelForm()
    reason = form.reason.data or ""
    try:
        transact(commands.cancel_payout, payout_id, reason, current_user.user_id)
    except ReasonRefused:
        form.reason.errors = [refusals[ReasonRefused].sentence]
        return _payout(payout_id, form), 422
    flash(_("The payout is cancelled; the money returns to the popug's account."), "success")
    return redirect(url_for(".payout", payout_id=payout_id), 303)


@pages.get("/reports/<day>")
@allowed(ACCOUNTANT, ADMIN)
def report(day: str) -> str:
    """The payout report of one business day, with its files."""
    return render_template("billing/report.html", report=report_of(day), **WORDS)

"""Pages on which a person says what became of a payout that nobody else can settle."""

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from billing import asking, claims, commands
from chassis.access import allowed, current_user
from chassis.runtime import query, transact
from contracts.roles import ACCOUNTANT, ADMIN

pages = Blueprint("deciding", __name__)

PAID = "paid"


@pages.get("/payouts/claims")
@allowed(ACCOUNTANT, ADMIN)
def first_claim() -> Response:
    """To the payout whose claim has waited longest, or to all payouts."""
    payout_id = query(claims.first_open)
    if payout_id is None:
        return redirect(url_for("pages.payouts"))
    return redirect(url_for("pages.payout", payout_id=payout_id))


@pages.post("/payouts/<payout_id>/decide")
@allowed(ACCOUNTANT, ADMIN)
def decide(payout_id: str) -> Response:
    """It was paid, under this reference; or it was not. With the reason."""
    paid = request.form.get("outcome") == PAID
    transact(
        commands.decide_payout,
        payout_id,
        request.form.get("reference", "") if paid else None,
        request.form.get("reason", ""),
        current_user.user_id,
    )
    flash(
        _("The payout is marked as paid.")
        if paid
        else _("The payout is marked as not paid: send it again, or cancel it."),
        "success",
    )
    return redirect(url_for("pages.payout", payout_id=payout_id), 303)


@pages.post("/payouts/<payout_id>/ask")
@allowed(ACCOUNTANT, ADMIN)
def ask(payout_id: str) -> Response:
    """Have the gateway asked once more."""
    transact(asking.put_down, payout_id, current_user.user_id)
    flash(_("The bank is asked; what it says stands here in a moment."), "success")
    return redirect(url_for("pages.payout", payout_id=payout_id), 303)


@pages.post("/payouts/<payout_id>/settle")
@allowed(ACCOUNTANT, ADMIN)
def settle(payout_id: str) -> Response:
    """What the gateway says against our books was settled; how, is written down."""
    transact(
        commands.settle_claims, payout_id, request.form.get("reason", ""), current_user.user_id
    )
    flash(_("Written down."), "success")
    return redirect(url_for("pages.payout", payout_id=payout_id), 303)

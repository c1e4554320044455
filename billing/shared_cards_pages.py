"""The page of cards that several popugs have stored."""

from flask import Blueprint, render_template

from billing.shared_cards import shared_cards
from chassis.access import allowed
from chassis.runtime import query, runtime
from contracts.rest import person_names
from contracts.roles import ACCOUNTANT, ADMIN

pages = Blueprint("shared_cards", __name__)


@pages.get("/cards/shared")
@allowed(ACCOUNTANT, ADMIN)
def shared() -> str:
    """Each card number that more than one popug has stored, by its last four digits."""
    found = query(shared_cards)
    holders = {holder.user_id for card in found for holder in card.holders}
    names = person_names(runtime.remote, holders)
    return render_template("billing/shared_cards.html", cards=found, names=names)

"""Billing's REST side."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from flask_babel import lazy_gettext as _l
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from billing import asking, cards, commands, models
from billing.domain import ListedPayout, Payout, PayoutStatus
from billing.listing import payouts_page
from billing.sight import seen, sees_all, whose
from chassis.access import allowed, current_user, signed_in, signed_in_or_service
from chassis.days import WrittenDay
from chassis.openapi import Api, Input, Listing
from chassis.refusals import Problem
from chassis.runtime import query as look
from chassis.runtime import transact
from contracts.roles import ACCOUNTANT, ADMIN

api = Api("billing", "Payouts and cards of UberPopug Inc.")


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


EmptyIsNone = BeforeValidator(_none_if_empty)


class NewCard(Input):
    """A card number; what is refused is never repeated, not even the name of a field."""

    model_config = ConfigDict(hide_input_in_errors=True)

    card_number: str = Field(repr=False, max_length=100)

    @model_validator(mode="before")
    @classmethod
    def _is_nothing_else(cls, value: Any) -> Any:
        if isinstance(value, dict) and set(value) - {"card_number"}:
            raise ValueError("send `card_number` and nothing else")
        return value


class CardOut(BaseModel):
    """What is shown of a card."""

    last4: str


class StoredOut(BaseModel):
    """Whether there is a card to pay somebody to, and nothing about it."""

    stored: bool


class PayoutOut(BaseModel):
    """One payout; `amount` is cents."""

    id: str
    user_id: str
    date: date
    amount: int
    currency: str
    status: PayoutStatus
    gateway_ref: str | None
    attempts: int
    reason: str | None
    updated_at: datetime


class PayoutsOut(BaseModel):
    """One page of payouts, newest day first."""

    items: list[PayoutOut]
    next: str | None


class PayoutsQuery(Listing):
    """Whose payouts, of which day, in which status."""

    user_id: Annotated[str | None, EmptyIsNone] = Field(None, max_length=200)
    date: Annotated[WrittenDay | None, EmptyIsNone] = None
    status: Annotated[PayoutStatus | None, EmptyIsNone] = None


class Cancellation(Input):
    """Why a payout is given up."""

    reason: str = Field(max_length=2_000)


class Decision(Input):
    """What a person has found out about a payout, and how he knows."""

    outcome: Literal["paid", "not_paid"]
    reference: str | None = Field(None, max_length=200)
    reason: str = Field(max_length=2_000)

    @model_validator(mode="after")
    def _names_what_was_paid(self) -> "Decision":
        if (self.outcome == "paid") is (self.reference is None):
            raise ValueError("send the bank's `reference` if it was paid, and only then")
        return self


class Settlement(Input):
    """How what the gateway says against our books was settled."""

    reason: str = Field(max_length=2_000)


def _out(payout: Payout | ListedPayout) -> PayoutOut:
    return PayoutOut.model_validate(payout, from_attributes=True)


@api.put("/cards/me")
@signed_in
@api.describe(answer=CardOut)
def put_card(json: NewCard) -> CardOut:
    """Store one's card number; only the last four digits are ever shown again."""
    last4 = transact(commands.store_card, current_user.user_id, json.card_number)
    return CardOut(last4=last4)


@api.get("/cards/<user_id>")
@signed_in_or_service
@api.describe(answer=StoredOut, refuses=(404,))
def show_card(user_id: str) -> StoredOut:
    """Whether this popug (`me`: oneself) has stored a card; who may not know it hears 404."""
    owner = current_user.user_id if user_id == "me" else user_id
    if owner != current_user.user_id and not sees_all():
        raise Problem(404, _l("There is no such card."))
    # An id of ours is ASCII; MySQL cannot even compare another one with it.
    return StoredOut(stored=owner.isascii() and look(cards.shown_card, owner) is not None)


@api.delete("/cards/me")
@signed_in
@api.describe(status=204)
def delete_card() -> tuple[str, int]:
    """Forget one's card; ready payouts wait for another one."""
    transact(commands.remove_card, current_user.user_id)
    return "", 204


@api.get("/payouts")
@signed_in_or_service
@api.describe(answer=PayoutsOut)
def list_payouts(query: PayoutsQuery) -> PayoutsOut:
    """One's own payouts; to accountants, admins and services everybody's."""
    page = payouts_page(
        query.limit,
        query.after,
        user_id=whose(query.user_id),
        day=query.date,
        status=query.status,
    )
    return PayoutsOut(items=[_out(payout) for payout in page.items], next=page.next)


@api.get("/payouts/<payout_id>")
@signed_in_or_service
@api.describe(answer=PayoutOut, refuses=(404,))
def show_payout(payout_id: str) -> PayoutOut:
    """One payout; somebody else's is not found."""
    return _out(seen(look(models.payout, payout_id)))


@api.post("/payouts/<payout_id>/retry")
@allowed(ACCOUNTANT, ADMIN)
@api.describe(answer=PayoutOut, refuses=(404, 409))
def retry(payout_id: str) -> PayoutOut:
    """Send a failed payout again."""
    return _out(transact(commands.retry_payout, payout_id, current_user.user_id))


@api.post("/payouts/<payout_id>/cancel")
@allowed(ACCOUNTANT, ADMIN)
@api.describe(answer=PayoutOut, refuses=(404, 409))
def cancel(json: Cancellation, payout_id: str) -> PayoutOut:
    """Give a payout up that is certainly not paid; the money returns to the popug."""
    return _out(transact(commands.cancel_payout, payout_id, json.reason, current_user.user_id))


@api.post("/payouts/<payout_id>/decide")
@allowed(ACCOUNTANT, ADMIN)
@api.describe(answer=PayoutOut, refuses=(404, 409))
def decide(json: Decision, payout_id: str) -> PayoutOut:
    """Say what became of a payout that waits for a person: paid, or not."""
    decided = transact(
        commands.decide_payout, payout_id, json.reference, json.reason, current_user.user_id
    )
    return _out(decided)


@api.post("/payouts/<payout_id>/ask")
@allowed(ACCOUNTANT, ADMIN)
@api.describe(answer=PayoutOut, status=202, refuses=(404, 409))
def ask(payout_id: str) -> tuple[PayoutOut, int]:
    """Have the gateway asked once more what became of a payout that is paid or waits for a person.

    Asking again while the answer is still to come is the same question.
    """
    return _out(transact(asking.put_down, payout_id, current_user.user_id)), 202


@api.post("/payouts/<payout_id>/settle")
@allowed(ACCOUNTANT, ADMIN)
@api.describe(answer=PayoutOut, refuses=(404, 409))
def settle(json: Settlement, payout_id: str) -> PayoutOut:
    """Say how what the gateway says against our books was settled; the payout stays as it is."""
    return _out(transact(commands.settle_claims, payout_id, json.reason, current_user.user_id))

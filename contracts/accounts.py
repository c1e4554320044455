"""What accounts says."""

import datetime
from typing import Annotated

from pydantic import Field

from chassis.events import Amount, Event, EventId, SignedAmount

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Reason = Annotated[str, Field(max_length=500)]


class PayoutRequested(Event, type="popug.accounts.payout_requested.v1", subject="payout_id"):
    """A business day was closed and a popug is to be paid `amount` cents for it."""

    payout_id: EventId
    user_id: EventId
    date: datetime.date
    amount: Amount
    currency: Currency


class TransactionReversed(
    Event, type="popug.accounts.transaction_reversed.v1", subject="transaction_id"
):
    """A transaction was undone by another one.

    `transaction_id` is the new one, `reverses` the one undone; `sum` (cents) is the new
    one's change of the popug's balance, booked on the business day `date`.
    """

    transaction_id: EventId
    reverses: EventId
    user_id: EventId
    sum: SignedAmount
    date: datetime.date
    reason: Reason

"""What billing says."""

import datetime

from chassis.events import Amount, Event, EventId
from contracts.accounts import Reason


class _Payout(Event, type="", subject="payout_id"):
    payout_id: EventId
    user_id: EventId
    date: datetime.date
    amount: Amount
    reason: Reason | None = None


class PayoutSucceeded(_Payout, type="popug.billing.payout_succeeded.v1", subject="payout_id"):
    """The gateway has paid the popug `amount` cents."""


class PayoutFailed(_Payout, type="popug.billing.payout_failed.v1", subject="payout_id"):
    """The gateway has refused for good; `reason` says why in words for the popug."""


class PayoutCancelled(_Payout, type="popug.billing.payout_cancelled.v1", subject="payout_id"):
    """A person has cancelled the payout: the amount returns to the popug's account."""

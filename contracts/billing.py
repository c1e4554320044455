"""What billing says."""

import datetime
from typing import Annotated

from pydantic import Field

from chassis.events import Amount, Event, EventId
from contracts.accounts import Reason

# How the reason begins of a payout whose money has come back.
RETURNED = "returned by the bank"


class _Payout(Event, type="", subject="payout_id"):
    payout_id: EventId
    user_id: EventId
    date: datetime.date
    amount: Amount
    reason: Reason | None = None


class PayoutSucceeded(_Payout, type="popug.billing.payout_succeeded.v1", subject="payout_id"):
    """The gateway has paid the popug `amount` cents."""


class PayoutFailed(_Payout, type="popug.billing.payout_failed.v1", subject="payout_id"):
    """The gateway has refused for good; `reason` says why in words for the popug.

    `returned`: it had paid, and the money has come back since. `failure` numbers the
    failures of one payout: a person may have it sent again, and it may fail again.
    """

    returned: bool = False
    failure: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class PayoutCancelled(_Payout, type="popug.billing.payout_cancelled.v1", subject="payout_id"):
    """A person has cancelled the payout: the amount returns to the popug's account."""

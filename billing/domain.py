"""What a payout is, and what may be said of one (rule 14)."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from billing.domain_cards import without_card_numbers


class PayoutStatus(StrEnum):
    """Where a payout stands."""

    WAITING_FOR_CARD = "waiting_for_card"
    READY = "ready"
    SENDING = "sending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NEEDS_PERSON = "needs_person"
    CANCELLED = "cancelled"


S = PayoutStatus

# The gateway may have the money of these or not; nobody but the gateway can say.
IN_FLIGHT = frozenset({S.SENDING, S.UNKNOWN})
# These have something to be done at `next_attempt_at`.
TO_DO = frozenset({S.READY, S.SENDING, S.UNKNOWN})

REASON_MOST = 500
REFERENCE_MOST = 100
LONGEST_WAIT = timedelta(minutes=2)


class PayoutNotFound(Exception):
    """No payout has this id, or he who asks may not know of it."""


class MoveNotAllowed(Exception):
    """A payout cannot go from where it stands to there."""

    def __init__(self, payout: "Payout", to: PayoutStatus) -> None:
        super().__init__(f"payout {payout.id} is {payout.status} and cannot become {to}")
        self.status = payout.status.value


class CannotRetry(MoveNotAllowed):
    """Only a failed payout can be sent again by hand."""


class CannotCancel(MoveNotAllowed):
    """A payout that is paid, or may be, cannot be cancelled."""


class NothingToDecide(MoveNotAllowed):
    """Only what is handed to a person can be decided by one."""


class CannotAsk(Exception):
    """The gateway is asked again about what is paid, or waits for a person; not about this."""

    def __init__(self, payout: "Payout") -> None:
        super().__init__(f"payout {payout.id} is {payout.status}")
        self.status = payout.status.value


class NothingToSettle(Exception):
    """The gateway says nothing against our books of this payout, or it is settled."""


class ReferenceRefused(Exception):
    """A gateway's reference is a short line of letters, digits and signs."""


class MoneyCameBack(Exception):
    """What a person says was paid has come back since."""


class MoneyIsOut(Exception):
    """The bank has told of a payment that a person says was not made."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self.reference = reference


class Unsettled(Exception):
    """The bank has told of a payment that does not fit, and nobody has said how it was settled."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self.reference = reference


class ReasonRefused(Exception):
    """A reason must be there, short, and plain text."""


class SecondPayoutOfTheDay(Exception):
    """A popug is paid once for a business day; this is another payout for it."""


class NothingToPay(Exception):
    """A payout of nothing makes no sense."""


class DayToCome(Exception):
    """There is no report of a day that has not begun."""


@dataclass(frozen=True)
class Payout:
    """One popug's money of one business day on its way to his card; `amount` in cents.

    `next_attempt_at`: ready → when to send; sending → until when the sender has it to
    himself; unknown → when to ask the gateway; else None. `attempts` counts the sendings,
    `retries` the definite refusals after which a person had it sent again. `key_used_at`:
    when the present key was first sent. `in_doubt`: a call under it has got no answer, so
    that nothing but the gateway's word on the key itself tells that it is not paid.
    `gateway_account`: as whom it was last sent (a gateway with one account: empty).
    """

    id: str
    user_id: str
    date: date
    amount: int
    currency: str
    status: PayoutStatus
    gateway: str
    idempotency_key: str
    gateway_ref: str | None
    attempts: int
    reason: str | None
    created_at: datetime
    updated_at: datetime
    next_attempt_at: datetime | None
    retries: int = 0
    key_used_at: datetime | None = None
    in_doubt: bool = False
    gateway_account: str | None = None

    @property
    def key(self) -> str:
        """What the gateway knows it by: the payout's one key, numbered after refusals."""
        return self.keys[-1]

    @property
    def keys(self) -> list[str]:
        """All keys under which it was ever sent, the present one last."""
        return keys_of(self.idempotency_key, self.retries)


class ListedPayout(NamedTuple):
    """Of a payout what lists show, and the API tells; `amount` in cents."""

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


def keys_of(key: str, retries: int) -> list[str]:
    """The one key of a payout, and what it was numbered after refusals."""
    return [key, *(f"{key}.{n}" for n in range(1, retries + 1))]


def plain_reason(text: str) -> str:
    """A reason as it is kept: one line, without card numbers. Raises ReasonRefused."""
    line = " ".join(text.split())
    unprintable = any(unicodedata.category(c) in ("Cc", "Cs") for c in line)
    if not line or len(line) > REASON_MOST or unprintable:
        raise ReasonRefused
    return without_card_numbers(line)


def plain_reference(text: str) -> str:
    """A gateway's reference as it is kept. Raises ReferenceRefused."""
    reference = text.strip()
    known = re.fullmatch(r"[!-~]+", reference) and len(reference) <= REFERENCE_MOST
    if not known or without_card_numbers(reference) != reference:
        raise ReferenceRefused
    return reference

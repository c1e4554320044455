"""What a payout is and what may happen to it, and what a card number is (rules 13 and 14)."""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum


class PayoutStatus(StrEnum):
    """Where a payout stands."""

    WAITING_FOR_CARD = "waiting_for_card"
    READY = "ready"
    SENDING = "sending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


S = PayoutStatus

# What may follow what. `sending → ready` is a refusal for the time being; `unknown → sending`
# happens only after the gateway has said that it does not know the key.
TRANSITIONS: dict[PayoutStatus, frozenset[PayoutStatus]] = {
    S.WAITING_FOR_CARD: frozenset({S.READY, S.CANCELLED}),
    S.READY: frozenset({S.SENDING, S.WAITING_FOR_CARD, S.CANCELLED}),
    S.SENDING: frozenset({S.SUCCEEDED, S.FAILED, S.UNKNOWN, S.READY}),
    S.UNKNOWN: frozenset({S.SUCCEEDED, S.FAILED, S.SENDING, S.WAITING_FOR_CARD}),
    S.FAILED: frozenset({S.READY, S.WAITING_FOR_CARD, S.CANCELLED}),
    S.SUCCEEDED: frozenset(),
    S.CANCELLED: frozenset(),
}
# The gateway may have the money of these or not; nobody but the gateway can say.
IN_FLIGHT = frozenset({S.SENDING, S.UNKNOWN})
# These have something to be done at `next_attempt_at`.
TO_DO = frozenset({S.READY, S.SENDING, S.UNKNOWN})

REASON_MOST = 500
FIRST_WAIT = timedelta(seconds=5)
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


class ReasonRefused(Exception):
    """A reason must be there, short, and plain text."""


class SecondPayoutOfTheDay(Exception):
    """A popug is paid once for a business day; this is another payout for it."""


class NothingToPay(Exception):
    """A payout of nothing makes no sense."""


class NotACardNumber(Exception):
    """These characters are no card number. They are not part of the error, on purpose."""


class DayToCome(Exception):
    """There is no report of a day that has not begun."""


@dataclass(frozen=True)
class Payout:
    """One popug's money of one business day on its way to his card; `amount` in cents.

    `next_attempt_at`: ready → when to send; sending → until when the sender has it to
    himself; unknown → when to ask the gateway; else None. `attempts` counts the sendings.
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


def move(
    payout: Payout, to: PayoutStatus, now: datetime, next_attempt_at: datetime | None = None
) -> Payout:
    """The payout in its next status. Raises MoveNotAllowed."""
    if to not in TRANSITIONS[payout.status]:
        raise MoveNotAllowed(payout, to)
    return replace(payout, status=to, updated_at=now, next_attempt_at=next_attempt_at)


def send(payout: Payout, now: datetime, until: datetime) -> Payout:
    """Begin one sending, which belongs to its sender until then."""
    sent = move(payout, S.SENDING, now, until)
    return replace(sent, attempts=payout.attempts + 1, reason=None)


def succeed(payout: Payout, reference: str, now: datetime) -> Payout:
    """The gateway has paid, under its `reference`."""
    return replace(move(payout, S.SUCCEEDED, now), gateway_ref=reference, reason=None)


def fail(payout: Payout, reason: str, now: datetime) -> Payout:
    """The gateway has refused for good."""
    return replace(move(payout, S.FAILED, now), reason=reason)


def put_off(payout: Payout, reason: str, now: datetime) -> Payout:
    """The gateway has refused for now: try again later, each time after twice as long."""
    wait = min(FIRST_WAIT * 2 ** min(payout.attempts, 10), LONGEST_WAIT)
    return replace(move(payout, S.READY, now, now + wait), reason=reason)


def lose_sight(payout: Payout, now: datetime) -> Payout:
    """No answer has come: what happened must be asked of the gateway."""
    return move(payout, S.UNKNOWN, now, now + FIRST_WAIT)


def ask_again_at(payout: Payout, now: datetime) -> datetime:
    """Wait as long again as it has been unknown, within limits: the pauses double."""
    return now + min(max(now - payout.updated_at, FIRST_WAIT), LONGEST_WAIT)


def retry(payout: Payout, has_card: bool, now: datetime) -> Payout:
    """Send a failed payout again, with the same key. Raises CannotRetry."""
    if payout.status is not S.FAILED:
        raise CannotRetry(payout, S.READY)
    return make_ready(payout, now) if has_card else wait_for_card(payout, now)


def cancel(payout: Payout, reason: str, now: datetime) -> Payout:
    """Give the payout up; nothing of it has been paid. Raises CannotCancel."""
    if S.CANCELLED not in TRANSITIONS[payout.status]:
        raise CannotCancel(payout, S.CANCELLED)
    return replace(move(payout, S.CANCELLED, now), reason=reason)


def make_ready(payout: Payout, now: datetime) -> Payout:
    """It can be sent at once."""
    return move(payout, S.READY, now, now)


def wait_for_card(payout: Payout, now: datetime) -> Payout:
    """It cannot be sent before the popug stores a card."""
    return move(payout, S.WAITING_FOR_CARD, now)


def plain_reason(text: str) -> str:
    """A reason as it is kept: one line, without card numbers. Raises ReasonRefused."""
    line = " ".join(text.split())
    unprintable = any(unicodedata.category(c) in ("Cc", "Cs") for c in line)
    if not line or len(line) > REASON_MOST or unprintable:
        raise ReasonRefused
    return without_card_numbers(line)


@dataclass(frozen=True)
class CardNumber:
    """A checked card number that does not show itself when it is printed."""

    digits: str = field(repr=False)

    @property
    def last4(self) -> str:
        return self.digits[-4:]

    def __str__(self) -> str:
        return f"•••• {self.last4}"


def card_number(text: str) -> CardNumber:
    """The card number in `text`, which may hold spaces and dashes. Raises NotACardNumber."""
    digits = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"[0-9]{12,19}", digits) or not _luhn(digits):
        raise NotACardNumber
    return CardNumber(digits)


def without_card_numbers(text: str) -> str:
    """The text with every run of digits that could hold a card number put out of sight."""
    return re.sub(r"[0-9](?:[ -]?[0-9]){11,}", _hidden, text)


def _hidden(run: re.Match[str]) -> str:
    digits = re.sub(r"[ -]", "", run[0])
    lengths = range(12, 20)
    cards = (digits[i : i + n] for n in lengths for i in range(len(digits) - n + 1))
    return "••••" if any(_luhn(card) for card in cards) else run[0]


def _luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    doubled = [int(d) * 2 for d in digits[-2::-2]]
    total = sum(int(d) for d in digits[::-2]) + sum(d - 9 if d > 9 else d for d in doubled)
    return total % 10 == 0 and set(digits) != {"0"}

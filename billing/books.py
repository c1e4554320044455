"""The four books of payouts as they are compared: accounts, billing, the gateways', the mailer's.

Facts only. A book that could not be read is None. The standard library only, beside
billing's own domain.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from billing.domain import PayoutStatus


class Kind(StrEnum):
    """What differs."""

    MISSING_IN_BILLING = "missing_in_billing"
    NOT_BOOKED = "not_booked"
    AMOUNT = "amount_differs"
    PERSON_OR_DAY = "person_or_day_differs"
    BOOKED_TWICE = "booked_twice_for_a_day"
    REQUESTED_TWICE = "two_payouts_for_a_day"
    NOT_RETURNED = "cancelled_but_not_returned"
    RETURNED_UNCANCELLED = "returned_but_not_cancelled"
    RETURNED_AMOUNT = "returned_amount_differs"
    NO_TRANSFER = "succeeded_without_transfer"
    TRANSFER_OF_NOTHING = "transfer_without_payout"
    TRANSFER_OF_UNPAID = "transfer_of_unpaid_payout"
    TRANSFER_TWICE = "two_transfers_of_one_payout"
    TRANSFER_AMOUNT = "transfer_amount_differs"
    TRANSFER_CURRENCY = "transfer_currency_differs"
    REFERENCE = "reference_differs"
    REFERENCE_TWICE = "reference_of_two_payouts"
    STALE_SENDING = "stale_sending"
    STALE_UNKNOWN = "stale_unknown"
    STALE_READY = "stale_ready"
    WAITS_WITH_CARD = "waits_though_there_is_a_card"
    HISTORY = "status_differs_from_history"
    NO_MAIL = "mail_missing"
    MAIL_OF_NOTHING = "mail_without_payout"
    MAIL_TWICE = "two_mails_of_one_kind"
    MAIL_DIFFERS = "mail_says_something_else"


# What the books say: cents, words, a status, a moment.
Value = int | str | datetime


@dataclass(frozen=True)
class Booked:
    """A payout in the ledger; `amount` and `returned` (None: nothing was) are positive cents."""

    payout_id: str
    user_id: str
    day: date
    amount: int
    at: datetime
    returned: int | None = None


@dataclass(frozen=True)
class Asked:
    """A payout in billing, with all keys that it was sent under.

    `last_noted`: the last status of its history.
    """

    payout_id: str
    user_id: str
    day: date
    amount: int
    currency: str
    status: PayoutStatus
    keys: tuple[str, ...]
    reference: str | None
    updated_at: datetime
    next_attempt_at: datetime | None
    last_noted: str | None
    has_card: bool = False
    gateway: str = ""


@dataclass(frozen=True)
class Transfer:
    """A line of the gateway's book. `settled`: a person has dealt with it outside."""

    key: str
    reference: str
    amount: int
    currency: str
    status: str
    settled: bool = False


@dataclass(frozen=True)
class Mailed:
    """A mail about a payout; `number` that of the failure it tells of."""

    mail_id: str
    payout_id: str
    kind: str
    user_id: str
    day: date
    amount: int
    number: int = 1


@dataclass(frozen=True)
class Books:
    """All four, of the same days. `stray`: transfers whose key no payout has at all.

    `bookless`: the gateways that show no book, so that nothing can be missing in it.
    """

    asked: Sequence[Asked]
    booked: Sequence[Booked] | None = None
    mails: Sequence[Mailed] | None = None
    transfers: Sequence[Transfer] | None = None
    stray: Sequence[Transfer] = field(default=())
    bookless: Collection[str] = field(default=())


@dataclass(frozen=True)
class Difference:
    """One thing on which the books differ: `subject` is the id of the payout, mail or transfer.

    Of `expected` and `found`, an integer is an amount in cents.
    """

    kind: Kind
    subject: str
    expected: Value = ""
    found: Value = ""
    day: date | None = None
    user_id: str | None = None


def about(kind: Kind, entry: Booked | Asked, expected: Value = "", found: Value = "") -> Difference:
    """A difference in this payout."""
    return Difference(kind, entry.payout_id, expected, found, entry.day, entry.user_id)

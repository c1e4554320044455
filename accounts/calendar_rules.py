"""The rules of business days: where an entry is booked, what is due, what was earned."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from accounts.domain import Cents

OPEN, CLOSING, CLOSED = "open", "closing", "closed"
# Who closed a day, where it was no person.
THE_CLOCK, THE_COMMAND_LINE = "clock", "command-line"


class DayInTheFuture(Exception):
    """A day that has not begun cannot be closed."""

    def __init__(self, day: date) -> None:
        super().__init__(day.isoformat())
        self.day = day


@dataclass(frozen=True, slots=True)
class BusinessDay:
    """A business day and what was paid for it."""

    date: date
    status: str
    payouts: int = 0
    amount: Cents = 0
    started_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None


@dataclass(frozen=True, slots=True)
class CompanyDay:
    """What a business day was for the company; all amounts positive but `corrected`.

    `corrected` is what reversals of fees and rewards booked that day changed for the
    company. Rule 11 counts fees and rewards only, so it stands beside `earned`.
    """

    date: date
    fees: Cents = 0
    rewards: Cents = 0
    payouts: Cents = 0
    corrected: Cents = 0
    closed: bool = False

    @property
    def earned(self) -> Cents:
        """Rule 11: fees of all assignments less rewards paid."""
        return self.fees - self.rewards


def posting_day(own_day: date, today: date, closed_through: date | None) -> date:
    """The business day to book on (rule 10): its own, or the first open one.

    An entry that claims to be of the future (another machine's clock is ahead) is booked
    today at the latest: a day that has not begun shows no money.
    """
    day = min(own_day, today)
    if closed_through is None:
        return day
    return max(day, closed_through + timedelta(days=1))


def amounts_due(balances: Mapping[str, Cents], later: Mapping[str, Cents]) -> dict[str, Cents]:
    """What is to be paid for a day: balances less `later` (entries of later days), if positive."""
    at_the_end = {user: balance - later.get(user, 0) for user, balance in balances.items()}
    return {user: amount for user, amount in at_the_end.items() if amount > 0}

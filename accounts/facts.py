"""What the ledger holds, for comparing it with the other services' books (section 7).

All iterators read from one `Reading`; consume one before beginning another.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from accounts import days
from accounts.days import LateEntry
from accounts.domain import COMPANY, FEE, PAYOUT, POPUG, REWARD, Cents
from accounts.models import accounts, entries
from chassis.database import Reading


@dataclass(frozen=True, slots=True)
class Work:
    """A fee (`source_id` is the assignment) or a reward (the task); `amount` is positive."""

    source_id: str
    user_id: str
    amount: Cents


@dataclass(frozen=True, slots=True)
class Balance:
    """What a popug is owed, or owes if `amount` is negative."""

    user_id: str
    amount: Cents


@dataclass(frozen=True, slots=True)
class Payout:
    """A payout as it was booked; `amount` is positive."""

    payout_id: str
    user_id: str
    day: date
    amount: Cents


def fees(reading: Reading) -> Iterator[Work]:
    """Every fee charged."""
    return _work(reading, FEE)


def rewards(reading: Reading) -> Iterator[Work]:
    """Every reward paid."""
    return _work(reading, REWARD)


def _work(reading: Reading, kind: str) -> Iterator[Work]:
    query = select(entries.c.source_id, entries.c.user_id, entries.c.sum).where(
        entries.c.kind == kind, entries.c.side == POPUG
    )
    for row in reading.execute(query):
        yield Work(row.source_id, row.user_id, abs(row.sum))


def balances(reading: Reading) -> Iterator[Balance]:
    """The balance of every account."""
    for row in reading.execute(select(accounts.c.user_id, accounts.c.balance)):
        yield Balance(row.user_id, row.balance)


def payouts(reading: Reading) -> Iterator[Payout]:
    """Every payout booked, cancelled ones too."""
    query = select(entries.c.transaction_id, entries.c.user_id, entries.c.day, entries.c.sum).where(
        entries.c.kind == PAYOUT, entries.c.side == POPUG
    )
    for row in reading.execute(query):
        yield Payout(row.transaction_id, row.user_id, row.day, -row.sum)


def returned_payouts(reading: Reading) -> Iterator[str]:
    """Ids of the payouts that billing cancelled and that were given back."""
    query = select(entries.c.reverses).where(
        entries.c.reversed_kind == PAYOUT, entries.c.side == COMPANY
    )
    yield from reading.execute(query).scalars()


def earned(reading: Reading) -> dict[date, Cents]:
    """What management earned, by business day, for days on which there was work (rule 11)."""
    query = (
        select(entries.c.day)
        .where(entries.c.side == COMPANY, entries.c.kind.in_((FEE, REWARD)))
        .distinct()
    )
    worked = list(reading.execute(query).scalars())
    if not worked:
        return {}
    return {
        day.date: day.earned
        for day in days.company_figures(reading, min(worked), max(worked)).values()
        if day.date in worked
    }


def late_entries(reading: Reading) -> Iterator[LateEntry]:
    """Entries that are booked on another business day than that of their own time."""
    for row in reading.execute(days.late_query()):
        yield LateEntry(*row)

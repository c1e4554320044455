"""What the ledger holds, for comparing it with the other services' books (section 7).

All iterators read from one `Reading`; consume one before beginning another.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from accounts import company_days
from accounts.domain import COMPANY, FEE, PAYOUT, POPUG, REVERSAL, REWARD, Cents
from accounts.late_entries import LateEntry, late_entry_query
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
    """A payout as it was booked; `returned` is what was given back; both are positive."""

    payout_id: str
    user_id: str
    day: date
    amount: Cents
    at: datetime
    returned: Cents | None = None


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
    yield from _payouts(reading, _payout_query().order_by(entries.c.position))


def payouts_of_day(reading: Reading, day: date, after: tuple[str, str], most: int) -> list[Payout]:
    """At most `most` payouts of one business day, by user and id after `after`."""
    user_id, payout_id = after
    later = or_(
        entries.c.user_id > user_id,
        and_(entries.c.user_id == user_id, entries.c.transaction_id > payout_id),
    )
    query = _payout_query().where(entries.c.day == day, later)
    return list(
        _payouts(reading, query.order_by(entries.c.user_id, entries.c.transaction_id).limit(most))
    )


def _payout_query() -> Select[Any]:
    """Payouts, each with what of it was given back (0 if nothing was)."""
    back = entries.alias("back")
    given_back = (
        select(func.sum(back.c.sum))
        .where(
            back.c.kind == REVERSAL,
            back.c.source_id == entries.c.transaction_id,
            back.c.side == POPUG,
        )
        .correlate(entries)
        .scalar_subquery()
    )
    return select(
        entries.c.transaction_id,
        entries.c.user_id,
        entries.c.day,
        entries.c.sum,
        entries.c.posted_at,
        given_back.label("returned"),
    ).where(entries.c.kind == PAYOUT, entries.c.side == POPUG)


def _payouts(reading: Reading, query: Select[Any]) -> Iterator[Payout]:
    for row in reading.execute(query):
        # MySQL answers sums as decimals.
        returned = None if row.returned is None else int(row.returned)
        yield Payout(row.transaction_id, row.user_id, row.day, -row.sum, row.posted_at, returned)


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
        for day in company_days.figures(reading, min(worked), max(worked)).values()
        if day.date in worked
    }


def late_entries(reading: Reading) -> Iterator[LateEntry]:
    """Entries that are booked on another business day than that of their own time."""
    for row in reading.execute(late_entry_query()):
        yield LateEntry(*row)

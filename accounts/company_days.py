"""The company's days: what was earned, and what was paid (rule 11)."""

from datetime import date, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Select, func, select

from accounts import days
from accounts.calendar_rules import CompanyDay
from accounts.company_sums import FIGURES
from accounts.domain import Cents
from accounts.models import company_sums
from chassis.database import Reading
from chassis.prepared import prepared

# Fees, rewards, payouts and corrections.
_Sums: TypeAlias = tuple[Cents, Cents, Cents, Cents]
NOTHING: _Sums = (0, 0, 0, 0)


def days_between(reading: Reading, first: date, last: date) -> list[CompanyDay]:
    """A row for each day from `first` to `last`, oldest first (rule 11).

    `fees`, `rewards` and `payouts` are positive sums of what is booked on the day;
    `corrected` is the company's side of reversals of fees and rewards, and no part of
    `earned`. A returned payout is in none of them.
    """
    closed = days.closed(reading)
    booked = _booked(reading, first, last)
    rows: list[CompanyDay] = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        rows.append(CompanyDay(day, *booked.get(day, NOTHING), day in closed))
    return rows


def figures(reading: Reading, first: date, last: date) -> dict[date, CompanyDay]:
    """The days in the range that something is booked on, without whether they are closed."""
    return {day: CompanyDay(day, *sums) for day, sums in _booked(reading, first, last).items()}


def _booked(reading: Reading, first: date, last: date) -> dict[date, _Sums]:
    # MySQL answers sums as decimals.
    return {
        day: (int(fees), int(rewards), int(payouts), int(corrected))
        for day, fees, rewards, payouts, corrected in reading.execute(_sums(first, last))
    }


@prepared
def _sums(first: date, last: date) -> Select[Any]:
    return (
        select(company_sums.c.date, *(func.sum(company_sums.c[name]) for name in FIGURES))
        .where(company_sums.c.date >= first, company_sums.c.date <= last)
        .group_by(company_sums.c.date)
    )

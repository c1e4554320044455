"""The company's days: what was earned, and what was paid (rule 11)."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, func, select

from accounts import days
from accounts.calendar_rules import CompanyDay
from accounts.company_sums import FIGURES
from accounts.models import company_sums
from chassis.database import Reading
from chassis.prepared import prepared


def days_between(reading: Reading, first: date, last: date) -> list[CompanyDay]:
    """A row for each day from `first` to `last`, oldest first (rule 11).

    `fees`, `rewards` and `payouts` are positive sums of what is booked on the day;
    `corrected` is the company's side of reversals of fees and rewards, and no part of
    `earned`. A returned payout is in none of them.
    """
    closed = days.closed(reading)
    known = figures(reading, first, last)
    rows: list[CompanyDay] = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        found = known.get(day, CompanyDay(day))
        rows.append(replace(found, closed=True) if day in closed else found)
    return rows


def figures(reading: Reading, first: date, last: date) -> dict[date, CompanyDay]:
    """The days in the range that something is booked on."""
    # MySQL answers sums as decimals.
    return {
        day: CompanyDay(day, int(fees), int(rewards), int(payouts), int(corrected))
        for day, fees, rewards, payouts, corrected in reading.execute(_sums(first, last))
    }


@prepared
def _sums(first: date, last: date) -> Select[Any]:
    return (
        select(company_sums.c.date, *(func.sum(company_sums.c[name]) for name in FIGURES))
        .where(company_sums.c.date >= first, company_sums.c.date <= last)
        .group_by(company_sums.c.date)
    )

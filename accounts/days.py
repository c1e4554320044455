"""What is known of business days and of the company's days (rules 10 and 11)."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, case, func, select

from accounts import domain, ledger
from accounts.calendar_rules import CLOSED, CLOSING, OPEN, BusinessDay, CompanyDay
from accounts.domain import COMPANY, POPUG, Cents
from accounts.models import accounts, business_days, entries, late_entries, ledger_state
from chassis.database import Reading
from chassis.paging import Page, page_of


@dataclass(frozen=True)
class State:
    """How far closing has come. `used`: days were closed, or something waits to be."""

    today: date
    closed_through: date | None
    closing: bool
    used: bool


@dataclass(frozen=True)
class LateEntry:
    """An entry that is booked on another business day than that of its own time."""

    transaction_id: str
    kind: str
    user_id: str
    task_id: str | None
    sum: Cents
    own_day: date
    day: date


@dataclass(frozen=True)
class Credit:
    """How many popugs stand in credit at the end of a day, and how much that is in all."""

    popugs: int
    amount: Cents


def state(reading: Reading) -> State:
    """How far closing has come."""
    through = watermark(reading)
    closing = reading.execute(
        select(business_days.c.date).where(business_days.c.status == CLOSING).limit(1)
    ).first()
    past = reading.execute(
        select(entries.c.day)
        .where(entries.c.side == COMPANY, entries.c.day < reading.today)
        .limit(1)
    ).first()
    used = through is not None or past is not None
    return State(reading.today, through, closing is not None, used)


def watermark(reading: Reading) -> date | None:
    """The last day that is closed or being closed."""
    return reading.execute(select(ledger_state.c.closing_through)).scalar()


def _days_query() -> Select[Any]:
    columns = business_days.c
    return select(
        columns.date,
        columns.status,
        columns.payouts,
        columns.amount,
        columns.started_at,
        columns.closed_at,
        columns.closed_by,
    )


def business_day(reading: Reading, day: date) -> BusinessDay:
    """One day; one that was passed over because nothing was booked on it is closed too."""
    # The watermark first: were it read last, a day that begins to close now would look closed.
    through = watermark(reading)
    row = reading.execute(_days_query().where(business_days.c.date == day)).first()
    if row is not None:
        return BusinessDay(*row)
    return BusinessDay(day, CLOSED if through is not None and day <= through else OPEN)


def recorded_days(reading: Reading, before: date | None, most: int) -> Page[BusinessDay]:
    """Days that were closed or are being closed, newest first."""
    query = _days_query().order_by(business_days.c.date.desc()).limit(most + 1)
    if before is not None:
        query = query.where(business_days.c.date < before)
    rows = [BusinessDay(*row) for row in reading.execute(query)]
    return page_of(rows, most, lambda day: [day.date.isoformat()])


def open_days(reading: Reading) -> list[date]:
    """Open days that have begun and are worth a look, newest first: today, yesterday, and
    earlier ones with entries."""
    through = watermark(reading)
    recent = {reading.today, reading.today - timedelta(days=1)}
    booked = ledger.days_with_entries(reading, through, reading.today)
    return sorted(
        (day for day in recent.union(booked) if through is None or day > through), reverse=True
    )


def credit_at_the_end_of(reading: Reading, day: date) -> Credit:
    """Who would be paid if the day were closed now, and no other one before it."""
    later = (
        select(entries.c.user_id, func.sum(entries.c.sum).label("sum"))
        .where(entries.c.side == POPUG, entries.c.day > day)
        .group_by(entries.c.user_id)
        .subquery()
    )
    held = (accounts.c.balance - func.coalesce(later.c.sum, 0)).label("held")
    query = select(held).outerjoin(later, later.c.user_id == accounts.c.user_id).subquery()
    row = reading.execute(
        select(func.count(), func.coalesce(func.sum(query.c.held), 0)).where(query.c.held > 0)
    ).one()
    return Credit(row[0], int(row[1]))


def company_days(reading: Reading, first: date, last: date) -> list[CompanyDay]:
    """A row for each day from `first` to `last`, oldest first (rule 11).

    `fees`, `rewards` and `payouts` are positive sums of what is booked on the day;
    `corrected` is the company's side of reversals of fees and rewards, and no part of
    `earned`. A returned payout is in none of them.
    """
    through = watermark(reading)
    closing = set(
        reading.execute(
            select(business_days.c.date).where(business_days.c.status == CLOSING)
        ).scalars()
    )
    figures = company_figures(reading, first, last)
    rows: list[CompanyDay] = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        closed = through is not None and day <= through and day not in closing
        rows.append(replace(figures.get(day, CompanyDay(day)), closed=closed))
    return rows


def company_figures(reading: Reading, first: date, last: date) -> dict[date, CompanyDay]:
    """The days in the range that something is booked on."""
    kind, amount = entries.c.kind, entries.c.sum

    def total(condition: Any, value: Any) -> Any:
        return func.sum(case((condition, value), else_=0))

    corrected = (kind == domain.REVERSAL) & entries.c.reversed_kind.in_(domain.WORK)
    rows = reading.execute(
        select(
            entries.c.day,
            total(kind == domain.FEE, amount).label("fees"),
            total(kind == domain.REWARD, -amount).label("rewards"),
            total(kind == domain.PAYOUT, amount).label("payouts"),
            total(corrected, amount).label("corrected"),
        )
        .where(entries.c.side == COMPANY, entries.c.day.between(first, last))
        .group_by(entries.c.day)
    )
    # MySQL answers sums as decimals.
    return {
        row.day: CompanyDay(
            row.day, int(row.fees), int(row.rewards), int(row.payouts), int(row.corrected)
        )
        for row in rows
    }


def late(reading: Reading, most: int) -> list[LateEntry]:
    """The newest entries that are not booked on their own day."""
    return [
        LateEntry(*row)
        for row in reading.execute(
            late_query().order_by(late_entries.c.transaction_id.desc()).limit(most)
        )
    ]


def late_query() -> Select[Any]:
    """A select of which each row makes a LateEntry."""
    return (
        select(
            entries.c.transaction_id,
            entries.c.kind,
            entries.c.user_id,
            entries.c.task_id,
            entries.c.sum,
            late_entries.c.own_day,
            entries.c.day,
        )
        .select_from(late_entries)
        .join(
            entries,
            (entries.c.transaction_id == late_entries.c.transaction_id) & (entries.c.side == POPUG),
        )
    )

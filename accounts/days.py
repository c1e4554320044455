"""What is known of business days: open, closing, closed (rule 10)."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, case, func, select

from accounts import domain, ledger
from accounts.calendar_rules import CLOSED, CLOSING, OPEN, BusinessDay
from accounts.domain import COMPANY, POPUG, Cents
from accounts.models import accounts, business_days, entries, ledger_state
from chassis.database import Reading
from chassis.paging import Page, page_of
from chassis.prepared import prepared


@dataclass(frozen=True)
class State:
    """How far closing has come. `used`: days were closed, or something waits to be."""

    today: date
    closed_through: date | None
    closing: bool
    used: bool


@dataclass(frozen=True)
class Payment:
    """Who is paid how many cents for a day."""

    user_id: str
    amount: Cents


@dataclass(frozen=True)
class Progress:
    """How many of the accounts are settled while a day is being closed."""

    settled: int
    accounts: int


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
    return reading.execute(_watermark()).scalar()


@prepared
def _watermark() -> Select[Any]:
    return select(ledger_state.c.closing_through)


@dataclass(frozen=True)
class Closed:
    """Which days are closed: those up to `through` but for those that are being closed."""

    through: date | None
    closing: frozenset[date]

    def __contains__(self, day: date) -> bool:
        return self.through is not None and day <= self.through and day not in self.closing


def closed(reading: Reading) -> Closed:
    """Which days are closed at this moment, in one look: a day of which some accounts are
    settled and some are not is not."""
    rows = reading.execute(_closed()).all()
    through = rows[0].closing_through if rows else None
    return Closed(through, frozenset(row.date for row in rows if row.date is not None))


@prepared
def _closed() -> Select[Any]:
    closing = business_days.c.status == CLOSING
    both = ledger_state.outerjoin(business_days, closing)
    return select(ledger_state.c.closing_through, business_days.c.date).select_from(both)


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


def payments(
    reading: Reading, day: date, after: tuple[Cents, str] | None, most: int
) -> list[Payment]:
    """Who was paid for the day so far, the largest amount first; `after` is the last one seen."""
    query = select(entries.c.user_id, entries.c.sum).where(
        entries.c.side == POPUG, entries.c.day == day, entries.c.kind == domain.PAYOUT
    )
    if after is not None:
        amount, user_id = after
        same = (entries.c.sum == -amount) & (entries.c.user_id > user_id)
        query = query.where((entries.c.sum > -amount) | same)
    rows = reading.execute(query.order_by(entries.c.sum, entries.c.user_id).limit(most))
    return [Payment(row.user_id, -row.sum) for row in rows]


def progress(reading: Reading, day: date) -> Progress | None:
    """How far closing this day has come; None if it is not being closed."""
    row = reading.execute(
        select(business_days.c.last_user_id).where(
            business_days.c.date == day, business_days.c.status == CLOSING
        )
    ).first()
    if row is None:
        return None
    settled = accounts.c.user_id <= row.last_user_id
    counts = reading.execute(
        select(func.coalesce(func.sum(case((settled, 1), else_=0)), 0), func.count())
    ).one()
    return Progress(int(counts[0]), counts[1])

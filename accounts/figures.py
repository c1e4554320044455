"""What Prometheus is told of the ledger: how far the closing of days has come."""

from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select

from accounts.calendar_rules import CLOSING
from accounts.days import watermark
from accounts.domain import COMPANY
from accounts.models import business_days, entries
from chassis.database import Reading
from chassis.figures import Figure

ONE_DAY = timedelta(days=1)


def figures(reading: Reading) -> list[Figure]:
    """The last closed day, and days that are over and still open.

    Before the first night nothing waits to be closed; then there is no last closed day.
    """
    last, first_open = _last_closed(reading), _first_open(reading)
    found = [
        Figure(
            "accounts_open_days",
            "Business days that are over and not closed yet",
            (reading.today - first_open).days if first_open else 0,
        ),
        Figure(
            "accounts_oldest_open_day_age_seconds",
            "How long ago the oldest of them was over",
            (reading.now - _end_of(reading, first_open)).total_seconds() if first_open else 0,
        ),
    ]
    if last:
        found.append(
            Figure(
                "accounts_closed_through_timestamp_seconds",
                "The moment at which the last closed business day was over",
                _end_of(reading, last).timestamp(),
            )
        )
    return found


def _last_closed(reading: Reading) -> date | None:
    # The watermark first: were it read last, a day that begins to close now would look closed.
    through = watermark(reading)
    closing = _earliest_closing(reading)
    return closing - ONE_DAY if closing else through


def _first_open(reading: Reading) -> date | None:
    """The oldest day that is over and not closed, if there is one."""
    last = _last_closed(reading)
    if last is None:
        first = reading.execute(
            select(func.min(entries.c.day)).where(entries.c.side == COMPANY)
        ).scalar()
    else:
        first = last + ONE_DAY
    return first if first is not None and first < reading.today else None


def _earliest_closing(reading: Reading) -> date | None:
    return reading.execute(
        select(func.min(business_days.c.date)).where(business_days.c.status == CLOSING)
    ).scalar()


def _end_of(reading: Reading, day: date) -> datetime:
    return datetime.combine(day + ONE_DAY, time(), reading.settings.zone)

"""What analytics shows, for comparing it with the ledger and with the events (section 7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from analytics import models
from chassis.database import Reading


@dataclass(frozen=True)
class DayFact:
    """One day on which there was work; amounts are cents."""

    date: date
    profit: int
    top_task_id: str | None
    top_reward: int | None


@dataclass(frozen=True)
class UserDayFact:
    """What one popug's entries of one day sum to, in cents."""

    user_id: str
    date: date
    sum: int


def days(reading: Reading) -> Iterator[DayFact]:
    """Every day on which there was work, oldest first."""
    for row in reading.execute(select(models.days).order_by(models.days.c.date)):
        day = models.worked_day(row)
        yield DayFact(day.date, day.profit, day.top_task_id, day.top_reward)


def user_days(reading: Reading) -> Iterator[UserDayFact]:
    """Every popug's days that have entries."""
    table = models.user_days
    for row in reading.execute(select(table).order_by(table.c.user_id, table.c.date)):
        yield UserDayFact(row.user_id, row.date, row.sum)

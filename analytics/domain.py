"""Figures by day: what they are, and which days a question is about. Amounts are cents."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

DAY, WEEK, MONTH = "day", "week", "month"
PERIODS = (DAY, WEEK, MONTH)


class DayToCome(Exception):
    """A day that has not begun has no figures, and neither has its week or month."""


@dataclass(frozen=True)
class Worked:
    """What was assigned and closed on one day; `top_reward` is of its priciest closed task."""

    date: date
    fees: int = 0
    rewards: int = 0
    top_task_id: str | None = None
    top_reward: int | None = None

    @property
    def profit(self) -> int:
        """What management earned (rule 11)."""
        return self.fees - self.rewards


@dataclass(frozen=True)
class Day(Worked):
    """A day with the number of popugs who ended it in the negative."""

    losers: int = 0


@dataclass(frozen=True)
class Range:
    """Calendar days from `first` to `last`, both included."""

    first: date
    last: date

    def days(self) -> list[date]:
        """Each day of it, oldest first."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


def period_around(day: date, period: str, today: date) -> Range:
    """The day, its week (Monday first) or its month. Raises DayToCome."""
    if day > today:
        raise DayToCome
    if period == WEEK:
        monday = day - timedelta(days=day.weekday())
        return Range(monday, monday + timedelta(days=6))
    if period == MONTH:
        first = day.replace(day=1)
        next_month = (first + timedelta(days=31)).replace(day=1)
        return Range(first, next_month - timedelta(days=1))
    return Range(day, day)


def every_day(
    asked: Range, worked: Mapping[date, Worked], changes: Mapping[date, int]
) -> list[Day]:
    """A row for each day of the range.

    `changes` tells by how many the popugs in the negative became more on a day; the first
    day's also holds all who were so before.
    """
    rows: list[Day] = []
    losers = 0
    for day in asked.days():
        losers += changes.get(day, 0)
        known = worked.get(day, Worked(day))
        rows.append(
            Day(day, known.fees, known.rewards, known.top_task_id, known.top_reward, losers)
        )
    return rows

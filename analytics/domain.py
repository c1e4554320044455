"""Figures by day: what they are, and which days a question is about. Amounts are cents."""

from collections.abc import Iterable, Mapping
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


def stretches(ranges: Iterable[Range]) -> list[Range]:
    """The same days in ranges that neither overlap nor touch, oldest first."""
    found: list[Range] = []
    for each in sorted(ranges, key=lambda one: one.first):
        if found and (each.first - found[-1].last).days <= 1:
            found[-1] = Range(found[-1].first, max(found[-1].last, each.last))
        else:
            found.append(each)
    return found


def priciest(worked: Mapping[date, Worked], asked: Range) -> Worked:
    """The day of the range on which its priciest task was closed; of equals the first id.

    One without a task where none was closed.
    """
    days = (worked[day] for day in asked.days() if day in worked)
    closed = [(-(day.top_reward or 0), day.top_task_id, day) for day in days if day.top_task_id]
    return min(closed, key=lambda each: each[:2])[2] if closed else Worked(asked.first)


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

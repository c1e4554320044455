"""Figures by day: what they are, and which days a question is about. Amounts are cents."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

DEFAULT_DAYS, MOST_DAYS = 30, 400
DAY, WEEK, MONTH = "day", "week", "month"
PERIODS = (DAY, WEEK, MONTH)


class NotADay(Exception):
    """The text is no calendar day written like 2026-03-10."""


class WrongRange(Exception):
    """The range ends before it begins, is too long, or reaches into the future."""

    def __init__(self) -> None:
        super().__init__(f"more than {MOST_DAYS} days")
        self.most_days = MOST_DAYS


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


def read_day(text: str) -> date:
    """A day from text like 2026-03-10. Raises NotADay; other ISO forms are no days here."""
    if len(text) != 10 or not text.isascii() or text[4] + text[7] != "--":
        raise NotADay(text[:40])
    try:
        return date.fromisoformat(text)
    except ValueError as broken:
        raise NotADay(text[:40]) from broken


def asked_range(first: date | None, last: date | None, today: date) -> Range:
    """The days asked for; what is missing makes it 30 days, up to today. Raises WrongRange."""
    last = last or today
    if first is None:
        # The calendar begins at some point, and cannot be left there.
        first = date.min + max(timedelta(0), last - date.min - timedelta(days=DEFAULT_DAYS - 1))
    if last > today or first > last or (last - first).days >= MOST_DAYS:
        raise WrongRange
    return Range(first, last)


def period_around(day: date, period: str, today: date) -> Range:
    """The day, its week (Monday first) or its month. Raises WrongRange for a future day."""
    if day > today:
        raise WrongRange
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

"""Which days a question is about, and rows for days on which nothing happened."""

from datetime import date, timedelta

import pytest

from analytics.domain import (
    Day,
    NotADay,
    Range,
    Worked,
    WrongRange,
    asked_range,
    every_day,
    period_around,
    read_day,
)

TODAY = date(2026, 3, 10)  # a Tuesday


def test_without_a_range_it_is_the_last_thirty_days() -> None:
    assert asked_range(None, None, TODAY) == Range(date(2026, 2, 9), TODAY)
    assert len(asked_range(None, None, TODAY).days()) == 30


def test_half_a_range_is_made_whole() -> None:
    assert asked_range(date(2026, 3, 1), None, TODAY) == Range(date(2026, 3, 1), TODAY)
    assert asked_range(None, date(2026, 1, 30), TODAY) == Range(date(2026, 1, 1), date(2026, 1, 30))
    assert asked_range(None, date.min, TODAY) == Range(date.min, date.min)
    assert asked_range(None, date(1, 1, 30), TODAY) == Range(date.min, date(1, 1, 30))
    assert asked_range(None, date(1, 1, 31), TODAY) == Range(date(1, 1, 2), date(1, 1, 31))


def test_four_hundred_days_are_the_most() -> None:
    asked_range(TODAY - timedelta(days=399), TODAY, TODAY)
    with pytest.raises(WrongRange):
        asked_range(TODAY - timedelta(days=400), TODAY, TODAY)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 3, 11), None),
        (None, date(2026, 3, 11)),
        (None, date.max),
        (date(2026, 3, 9), date(2026, 3, 8)),
        (date.min, None),
    ],
)
def test_other_ranges_are_refused(first: date | None, last: date | None) -> None:
    with pytest.raises(WrongRange):
        asked_range(first, last, TODAY)


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        (date(2026, 3, 9), date(2026, 3, 9), date(2026, 3, 15)),  # Monday
        (date(2026, 3, 8), date(2026, 3, 2), date(2026, 3, 8)),  # Sunday
        (date(2026, 1, 1), date(2025, 12, 29), date(2026, 1, 4)),  # over the turn of the year
        (date.min, date.min, date(1, 1, 7)),
    ],
)
def test_a_week_runs_from_monday_to_sunday(day: date, first: date, last: date) -> None:
    assert period_around(day, "week", TODAY) == Range(first, last)


@pytest.mark.parametrize(
    ("day", "last"),
    [
        (date(2024, 2, 10), date(2024, 2, 29)),
        (date(2026, 2, 28), date(2026, 2, 28)),
        (date(2025, 12, 31), date(2025, 12, 31)),
        (date(2025, 4, 30), date(2025, 4, 30)),
    ],
)
def test_a_month_runs_to_its_last_day(day: date, last: date) -> None:
    assert period_around(day, "month", TODAY) == Range(day.replace(day=1), last)


def test_a_period_in_the_future_is_refused() -> None:
    assert period_around(TODAY, "day", TODAY) == Range(TODAY, TODAY)
    with pytest.raises(WrongRange):
        period_around(date(2026, 3, 11), "day", TODAY)


def test_days_without_anything_have_rows_too() -> None:
    worked = {date(2026, 3, 9): Worked(date(2026, 3, 9), 3000, 2500, "k", 2500)}
    changes = {date(2026, 3, 8): 2, date(2026, 3, 10): -1}
    assert every_day(Range(date(2026, 3, 8), TODAY), worked, changes) == [
        Day(date(2026, 3, 8), losers=2),
        Day(date(2026, 3, 9), 3000, 2500, "k", 2500, 2),
        Day(TODAY, losers=1),
    ]
    assert worked[date(2026, 3, 9)].profit == 500


@pytest.mark.parametrize(
    "text", ["", "today", "2026-3-1", "20260301", "2026-02-30", "2026-W10-1", "2026-03-0１", "0"]
)
def test_only_calendar_days_are_days(text: str) -> None:
    with pytest.raises(NotADay):
        read_day(text)

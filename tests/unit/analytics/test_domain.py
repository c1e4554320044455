"""Which days a question is about, and rows for days on which nothing happened."""

from datetime import date

import pytest

from analytics.domain import (
    Day,
    DayToCome,
    Range,
    Worked,
    every_day,
    period_around,
    priciest,
    stretches,
)

TODAY = date(2026, 3, 10)  # a Tuesday


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
    with pytest.raises(DayToCome):
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


def _march(first: int, last: int) -> Range:
    return Range(date(2026, 3, first), date(2026, 3, last))


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([], []),
        ([_march(5, 7)], [_march(5, 7)]),
        ([_march(9, 9), _march(5, 7)], [_march(5, 7), _march(9, 9)]),
        ([_march(8, 9), _march(5, 7)], [_march(5, 9)]),  # they touch
        ([_march(1, 31), _march(5, 7), _march(31, 31)], [_march(1, 31)]),
        ([Range(date.min, date.max), _march(5, 7)], [Range(date.min, date.max)]),
    ],
)
def test_ranges_become_stretches_that_do_not_overlap(
    ranges: list[Range], expected: list[Range]
) -> None:
    assert stretches(ranges) == expected


def test_the_priciest_task_is_that_of_the_range_and_of_equals_the_first_id() -> None:
    days = [Worked(date(2026, 3, n), 0, 10, f"k-{9 - n}", 10) for n in (5, 6, 7)]
    days += [Worked(date(2026, 3, 8), 0, 99, "k-0", 99), Worked(date(2026, 3, 4), fees=5)]
    worked = {day.date: day for day in days}
    assert priciest(worked, _march(4, 7)).top_task_id == "k-2"
    assert priciest(worked, _march(4, 31)).top_task_id == "k-0"
    assert priciest(worked, _march(1, 4)).top_task_id is None

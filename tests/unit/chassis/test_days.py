"""Days in one form only, and ranges that make sense."""

from datetime import date, timedelta

import pytest

from chassis.days import NotADay, WrongRange, asked_range, read_day

TODAY = date(2026, 3, 10)


def test_a_day_is_written_like_this() -> None:
    assert read_day("2026-03-10") == TODAY
    assert read_day("2028-02-29") == date(2028, 2, 29)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "tomorrow",
        "20260310",
        "2026-W11-2",
        "2026-3-10",
        "2026-3-1",
        "2026-02-30",
        "0000-01-01",
        "２026-03-10",
        "2026-03-0１",
        "x" * 9999,
    ],
)
def test_other_texts_are_no_days(text: str) -> None:
    with pytest.raises(NotADay):
        read_day(text)


def test_without_a_range_the_last_thirty_days_are_meant() -> None:
    assert asked_range(None, None, TODAY) == (date(2026, 2, 9), TODAY)
    assert (TODAY - date(2026, 2, 9)).days + 1 == 30


def test_half_a_range_is_made_whole() -> None:
    assert asked_range(date(2026, 3, 9), None, TODAY) == (date(2026, 3, 9), TODAY)
    assert asked_range(None, date(2026, 1, 30), TODAY) == (date(2026, 1, 1), date(2026, 1, 30))


def test_a_range_stays_within_the_calendar() -> None:
    assert asked_range(None, date.min, TODAY) == (date.min, date.min)
    assert asked_range(None, date(1, 1, 30), TODAY) == (date.min, date(1, 1, 30))
    assert asked_range(None, date(1, 1, 31), TODAY) == (date(1, 1, 2), date(1, 1, 31))


def test_four_hundred_days_are_the_most() -> None:
    first = TODAY - timedelta(days=399)
    assert asked_range(first, TODAY, TODAY) == (first, TODAY)
    with pytest.raises(WrongRange):
        asked_range(TODAY - timedelta(days=400), TODAY, TODAY)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 3, 10), date(2026, 3, 9)),
        (date(2026, 3, 1), date(2026, 3, 11)),
        (date(2026, 3, 11), None),
        (None, date(2026, 3, 11)),
        (None, date.max),
        (date.min, None),
        (date.min, date.max),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(first: date | None, last: date | None) -> None:
    with pytest.raises(WrongRange):
        asked_range(first, last, TODAY)

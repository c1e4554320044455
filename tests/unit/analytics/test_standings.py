"""By how many the popugs in the negative become more or fewer, when a popug's days change."""

from collections.abc import Mapping
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from analytics.standings import changes

FIRST = date(2026, 3, 8)
SUMS = st.dictionaries(
    st.integers(0, 6).map(lambda n: FIRST + timedelta(days=n)), st.integers(-3, 3), max_size=5
)


def losing(sums: Mapping[date, int]) -> dict[date, int]:
    """For each day, by how much somebody with these sums changes the number of losers."""
    found, balance = {}, 0
    for day in sorted(sums):
        before, balance = balance, balance + sums[day]
        found[day] = (balance < 0) - (before < 0)
    return {day: by for day, by in found.items() if by}


def test_who_falls_into_debt_is_one_more_on_that_day() -> None:
    assert changes(0, {}, {FIRST: -5}) == {FIRST: 1}


def test_who_comes_out_of_debt_on_the_same_day_is_none_any_more() -> None:
    assert changes(-5, {}, {FIRST: 5}) == {FIRST: -1}


def test_what_comes_late_moves_the_day_of_the_debt() -> None:
    later = FIRST + timedelta(days=1)
    assert changes(-5, {later: -5}, {FIRST: -1}) == {FIRST: 1, later: -1}


@given(SUMS, SUMS.filter(bool))
def test_whatever_comes_late_the_days_are_as_if_it_had_come_in_time(
    past: dict[date, int], new: dict[date, int]
) -> None:
    kept = {day: by for day, by in past.items() if day >= min(new)}
    whole = {day: past.get(day, 0) + new.get(day, 0) for day in {*past, *new}}
    found = losing(past)
    for day, by in changes(sum(past.values()), kept, new).items():
        found[day] = found.get(day, 0) + by
    assert {day: by for day, by in found.items() if by} == losing(whole)

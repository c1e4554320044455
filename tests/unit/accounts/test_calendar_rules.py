"""The rules of business days, without a database."""

from datetime import date

import pytest

from accounts import calendar_rules
from accounts.calendar_rules import CompanyDay

TODAY = date(2026, 3, 10)


@pytest.mark.parametrize(
    ("own", "closed_through", "booked"),
    [
        (date(2026, 3, 10), None, date(2026, 3, 10)),
        (date(2026, 3, 7), None, date(2026, 3, 7)),
        (date(2026, 3, 7), date(2026, 3, 6), date(2026, 3, 7)),
        (date(2026, 3, 7), date(2026, 3, 7), date(2026, 3, 8)),
        (date(2026, 3, 1), date(2026, 3, 9), date(2026, 3, 10)),
        # Today was closed by hand: the rest of it counts for tomorrow.
        (date(2026, 3, 10), date(2026, 3, 10), date(2026, 3, 11)),
        # Another machine's clock is ahead.
        (date(2026, 3, 12), None, date(2026, 3, 10)),
        (date(2026, 3, 12), date(2026, 3, 10), date(2026, 3, 11)),
    ],
)
def test_an_entry_is_booked_on_its_own_day_or_the_first_open_one(
    own: date, closed_through: date | None, booked: date
) -> None:
    assert calendar_rules.posting_day(own, TODAY, closed_through) == booked


def test_only_what_is_positive_at_the_end_of_the_day_is_paid() -> None:
    balances = {"ann": 100, "bob": 0, "cid": -50, "dan": 100, "eve": -100}
    later = {"dan": 150, "eve": -130}
    assert calendar_rules.amounts_due(balances, later) == {"ann": 100, "eve": 30}


def test_management_earns_fees_less_rewards() -> None:
    day = CompanyDay(TODAY, fees=4500, rewards=6000, payouts=999, corrected=77)
    assert day.earned == -1500


def test_without_a_range_the_last_thirty_days_are_meant() -> None:
    assert calendar_rules.asked_range(None, None, TODAY) == (date(2026, 2, 9), TODAY)


def test_a_range_may_be_half_given() -> None:
    assert calendar_rules.asked_range(date(2026, 3, 9), None, TODAY) == (date(2026, 3, 9), TODAY)
    assert calendar_rules.asked_range(None, date(2026, 3, 1), TODAY) == (
        date(2026, 1, 31),
        date(2026, 3, 1),
    )


def test_the_longest_range_is_four_hundred_days() -> None:
    first = date(2025, 2, 4)
    assert (TODAY - first).days + 1 == 400
    assert calendar_rules.asked_range(first, TODAY, TODAY) == (first, TODAY)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 3, 10), date(2026, 3, 9)),
        (date(2026, 3, 1), date(2026, 3, 11)),
        (date(2025, 2, 3), date(2026, 3, 10)),
        (date(2026, 3, 11), None),
        (None, date.min),
        (date.min, date.max),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(first: date | None, last: date | None) -> None:
    with pytest.raises(calendar_rules.WrongRange):
        calendar_rules.asked_range(first, last, TODAY)


def test_a_day_is_read_in_one_form_only() -> None:
    assert calendar_rules.read_day("2026-03-10") == TODAY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20260310",
        "2026-W11-2",
        "2026-3-10",
        "2026-02-30",
        "0000-01-01",
        "２026-03-10",
        "x" * 9999,
    ],
)
def test_other_texts_are_no_days(text: str) -> None:
    with pytest.raises(calendar_rules.NotADay):
        calendar_rules.read_day(text)

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

"""Business days run in the company's zone; a moving clock goes where it is told."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from chassis.clock import MovingClock, business_day


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("UTC", "2026-03-10T23:59:59.999999+00:00", date(2026, 3, 10)),
        ("Europe/Moscow", "2026-03-10T20:59:59+00:00", date(2026, 3, 10)),
        ("Europe/Moscow", "2026-03-10T21:00:00+00:00", date(2026, 3, 11)),
        ("America/New_York", "2026-03-10T03:30:00+00:00", date(2026, 3, 9)),
        # The night when Berlin's clocks go forward.
        ("Europe/Berlin", "2026-03-28T22:59:59+00:00", date(2026, 3, 28)),
        ("Europe/Berlin", "2026-03-29T22:00:00+00:00", date(2026, 3, 30)),
    ],
)
def test_a_day_ends_at_the_companys_midnight(zone: str, moment: str, day: date) -> None:
    assert business_day(datetime.fromisoformat(moment), ZoneInfo(zone)) == day


def test_a_moving_clock_stands_until_it_is_moved() -> None:
    clock = MovingClock(datetime(2026, 3, 10, 15, tzinfo=ZoneInfo("Europe/Moscow")))
    assert clock.now() == datetime(2026, 3, 10, 12, tzinfo=UTC)
    clock.advance(hours=1, minutes=5)
    assert clock.now() == datetime(2026, 3, 10, 13, 5, tzinfo=UTC)
    clock.put(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC)

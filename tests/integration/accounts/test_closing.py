"""Closing business days (rule 10): who is paid, how much, and for which day."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from accounts import closing, service
from accounts.calendar_rules import DayInTheFuture
from chassis import outbox, parking
from chassis.database import Database
from contracts.accounts import PayoutRequested
from tests.integration.accounts.desk import (
    TODAY,
    assert_sound,
    assigned,
    at,
    balances,
    booked,
    closed,
    payouts,
    recorded,
)
from tests.support import Workbench


def test_positive_balances_are_paid_and_others_carry_over(
    bench: Workbench, database: Database
) -> None:
    bench.hear(closed("t1", "ann", 3000), assigned("a1", "ann", 1000))
    bench.hear(assigned("a2", "bob", 1500))
    bench.hear(closed("t2", "cid", 2000), assigned("a3", "cid", 2000))
    day = closing.close_day(database, TODAY, "carol")
    assert (day.status, day.payouts, day.amount, day.closed_by) == ("closed", 1, 2000, "carol")
    assert payouts(database) == {("ann", TODAY, 2000)}
    assert balances(database) == {"ann": 0, "bob": -1500, "cid": 0}


def test_each_payout_is_told_once_with_its_transaction(
    bench: Workbench, database: Database
) -> None:
    bench.hear(closed("t1", "ann", 3000), closed("t2", "bob", 2100))
    closing.close_day(database, TODAY, "carol")
    closing.close_day(database, TODAY, "carol")
    said = bench.emitted()
    assert all(isinstance(event, PayoutRequested) for event in said)
    assert [(e.user_id, e.date, e.amount, e.currency) for e in said] == [
        ("ann", TODAY, 3000, "USD"),
        ("bob", TODAY, 2100, "USD"),
    ]
    # A payday of thousands: nobody is to wait behind it.
    assert all(message.bulk for message in database.read(outbox.unsent, 10))
    assert booked(database, "transaction_id", kind="payout") == [e.payout_id for e in said]


def test_closing_again_gives_the_same_figures(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 3000))
    first = closing.close_day(database, TODAY, "carol")
    bench.clock.advance(hours=3)
    assert closing.close_day(database, TODAY, "dave") == first


def test_a_day_in_the_future_is_not_closed(database: Database) -> None:
    with pytest.raises(DayInTheFuture):
        closing.close_day(database, date(2026, 3, 11), "carol")
    assert recorded(database) == {}


def test_a_day_without_any_entry_is_recorded_as_closed(database: Database) -> None:
    day = closing.close_day(database, TODAY, "carol")
    assert (day.status, day.payouts, day.amount) == ("closed", 0, 0)


def test_after_today_was_closed_by_hand_the_rest_of_it_counts_for_tomorrow(
    bench: Workbench, database: Database
) -> None:
    bench.hear(closed("t1", "ann", 3000))
    closing.close_day(database, TODAY, "carol")
    bench.hear(closed("t2", "ann", 2000, at(10, 13)))
    assert booked(database, "source_id", "day", kind="reward") == [
        ("t1", TODAY),
        ("t2", date(2026, 3, 11)),
    ]
    assert closing.close_day(database, TODAY, "carol").amount == 3000
    bench.clock.put(at(12))
    bench.settle()
    assert payouts(database) == {("ann", TODAY, 3000), ("ann", date(2026, 3, 11), 2000)}


def test_three_missed_nights_are_caught_up_each_with_its_own_payouts(
    bench: Workbench, database: Database
) -> None:
    # 7th: ann +10.00, bob −15.00. 8th: ann −4.00, bob +20.00. 9th: ann +5.00, bob −1.00.
    bench.hear(closed("t1", "ann", 1000, at(7)), assigned("a1", "bob", 1500, at(7)))
    bench.hear(assigned("a2", "ann", 400, at(8)), closed("t2", "bob", 2000, at(8)))
    bench.hear(closed("t3", "ann", 500, at(9)), assigned("a3", "bob", 100, at(9)))
    # Today's work does not count for the nights before.
    bench.hear(assigned("a4", "ann", 9000, at(10)), closed("t4", "bob", 7000, at(10)))
    bench.settle()
    assert recorded(database) == {
        date(2026, 3, 7): ("closed", 1, 1000),  # ann 10
        date(2026, 3, 8): ("closed", 1, 500),  # ann −4; bob −15 + 20
        date(2026, 3, 9): ("closed", 1, 100),  # ann −4 + 5; bob 0 − 1
    }
    assert payouts(database) == {
        ("ann", date(2026, 3, 7), 1000),
        ("bob", date(2026, 3, 8), 500),
        ("ann", date(2026, 3, 9), 100),
    }
    assert balances(database) == {"ann": -9000, "bob": 6900}


def test_closing_a_day_closes_earlier_ones_first(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 1000, at(5)), assigned("a1", "ann", 600, at(8)))
    closing.close_day(database, date(2026, 3, 9), "carol")
    assert recorded(database) == {
        date(2026, 3, 5): ("closed", 1, 1000),
        date(2026, 3, 8): ("closed", 0, 0),
        date(2026, 3, 9): ("closed", 0, 0),
    }
    # Nothing was booked on the 6th and 7th; they are closed all the same.
    between = closing.close_day(database, date(2026, 3, 6), "carol")
    assert (between.status, between.payouts) == ("closed", 0)
    assert date(2026, 3, 6) not in recorded(database)


def test_a_late_entry_goes_to_the_first_open_day_and_keeps_its_own_time(
    bench: Workbench, database: Database
) -> None:
    bench.hear(closed("t1", "ann", 1000, at(9)))
    bench.settle()
    bench.hear(closed("t2", "ann", 700, at(9, 23)))
    assert booked(database, "day", "occurred_at", source_id="t2") == [(TODAY, at(9, 23))]
    assert recorded(database) == {date(2026, 3, 9): ("closed", 1, 1000)}
    bench.clock.put(at(11))
    bench.settle()
    assert recorded(database)[TODAY] == ("closed", 1, 700)


def test_the_job_closes_every_night(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 1000, at(10)))
    bench.settle()
    assert recorded(database) == {}
    bench.clock.put(at(11, 0))
    bench.settle()
    assert recorded(database) == {TODAY: ("closed", 1, 1000)}
    bench.clock.put(at(12, 0))
    bench.settle()
    assert recorded(database)[date(2026, 3, 11)] == ("closed", 0, 0)


def test_a_ledger_without_a_past_is_left_open(bench: Workbench, database: Database) -> None:
    bench.clock.put(at(20))
    bench.settle()
    bench.hear(closed("t1", "ann", 1000, at(2)))
    assert booked(database, "day") == [date(2026, 3, 2)]


def test_what_is_paid_and_earned_again_is_paid_the_next_day(
    bench: Workbench, database: Database
) -> None:
    bench.hear(closed("t1", "ann", 1000))
    closing.close_day(database, TODAY, "carol")
    bench.clock.put(at(11))
    bench.hear(closed("t2", "ann", 300, at(11)))
    closing.close_day(database, date(2026, 3, 11), "carol")
    assert payouts(database) == {("ann", TODAY, 1000), ("ann", date(2026, 3, 11), 300)}


@pytest.fixture
def in_zone(workbench: Callable[..., Workbench]) -> Callable[[str], Workbench]:
    return lambda zone: workbench(service, timezone=zone)


def test_the_day_ends_at_midnight_in_moscow(in_zone: Callable[[str], Workbench]) -> None:
    bench = in_zone("Europe/Moscow")  # UTC+3
    database = bench.runtime().database
    bench.clock.put(at(10, 20, 59))
    bench.hear(closed("t1", "ann", 1000, at(10, 20, 59)))
    bench.settle()
    assert recorded(database) == {}
    bench.clock.put(at(10, 21, 0))
    bench.hear(closed("t2", "ann", 300, at(10, 21, 0)))
    assert booked(database, "source_id", "day") == [
        ("t1", date(2026, 3, 10)),
        ("t2", date(2026, 3, 11)),
    ]
    bench.settle()
    assert payouts(database) == {("ann", date(2026, 3, 10), 1000)}
    assert_sound(database)


def test_a_day_of_twenty_three_hours_in_new_york(in_zone: Callable[[str], Workbench]) -> None:
    # On 8 March 2026 clocks go forward: the day is from 05:00 UTC to 04:00 UTC.
    bench = in_zone("America/New_York")
    database = bench.runtime().database
    bench.clock.put(at(9, 3, 59))
    bench.hear(
        closed("before", "ann", 1, at(8, 4, 59)),
        closed("first", "ann", 10, at(8, 5, 0)),
        closed("last", "ann", 100, at(9, 3, 59)),
    )
    bench.settle()
    assert payouts(database) == {("ann", date(2026, 3, 7), 1)}
    bench.clock.put(at(9, 4, 0))
    bench.hear(closed("after", "ann", 1000, at(9, 4, 0)))
    bench.settle()
    assert payouts(database) == {("ann", date(2026, 3, 7), 1), ("ann", date(2026, 3, 8), 110)}
    assert balances(database) == {"ann": 1000}
    assert_sound(database)


def test_a_day_of_twenty_five_hours_in_new_york(in_zone: Callable[[str], Workbench]) -> None:
    # On 1 November 2026 clocks go back: the day is from 04:00 UTC to 05:00 UTC.
    bench = in_zone("America/New_York")
    database = bench.runtime().database
    day = date(2026, 11, 1)
    bench.clock.put(datetime(2026, 11, 2, 4, 59, tzinfo=UTC))
    bench.hear(
        closed("first", "ann", 10, datetime(2026, 11, 1, 4, 0, tzinfo=UTC)),
        closed("last", "ann", 100, datetime(2026, 11, 2, 4, 59, tzinfo=UTC)),
    )
    assert booked(database, "day") == [day, day]
    bench.settle()
    assert payouts(database) == set()
    bench.clock.put(datetime(2026, 11, 2, 5, 0, tzinfo=UTC))
    bench.settle()
    assert payouts(database) == {("ann", day, 110)}
    assert_sound(database)


def test_a_balance_that_no_payout_can_carry_is_parked_and_holds_up_nobody(
    bench: Workbench, database: Database
) -> None:
    most = 9_000_000_000_000
    bench.hear(closed("t1", "ann", most), closed("t2", "ann", 1), closed("t3", "bob", 500))
    assert [event.type for event in database.read(parking.waiting)] == [
        "popug.tasks.task_closed.v1"
    ]
    closing.close_day(database, TODAY, "carol")
    assert payouts(database) == {("ann", TODAY, most), ("bob", TODAY, 500)}
    assert_sound(database)

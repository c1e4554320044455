"""What other books are compared with."""

from datetime import date, timedelta

from accounts import closing, facts
from accounts.facts import Payout, Work
from accounts.late_entries import LateEntry
from chassis.database import Database
from tests.integration.accounts.desk import TODAY, assigned, at, booked, cancelled, closed
from tests.support import Workbench

YESTERDAY = TODAY - timedelta(days=1)


def test_fees_and_rewards_are_told_with_their_sources(bench: Workbench, database: Database) -> None:
    bench.hear(assigned("a1", "ann", 1500), closed("t1", "ann", 3000), closed("t2", "bob", 10))
    with database.reading() as reading:
        assert list(facts.fees(reading)) == [Work("a1", "ann", 1500)]
        assert set(facts.rewards(reading)) == {Work("t1", "ann", 3000), Work("t2", "bob", 10)}


def test_payouts_are_told_and_which_of_them_came_back(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 3000), closed("t2", "bob", 10))
    closing.close_day(database, TODAY, "carol")
    ids = dict(booked(database, "user_id", "transaction_id", kind="payout"))
    bench.hear(cancelled(ids["ann"], "ann", 3000))
    with database.reading() as reading:
        all_of_them = list(facts.payouts(reading))
        now = reading.now
        assert set(all_of_them) == {
            Payout(ids["ann"], "ann", TODAY, 3000, now, returned=3000),
            Payout(ids["bob"], "bob", TODAY, 10, now),
        }
        ann, bob = sorted(all_of_them, key=lambda payout: payout.user_id)
        assert facts.payouts_of_day(reading, TODAY, ("", ""), 5) == [ann, bob]
        assert facts.payouts_of_day(reading, TODAY, ("", ""), 1) == [ann]
        assert facts.payouts_of_day(reading, TODAY, ("ann", ann.payout_id), 5) == [bob]
        assert facts.payouts_of_day(reading, YESTERDAY, ("", ""), 5) == []


def test_days_with_work_are_told_with_what_they_earned(
    bench: Workbench, database: Database
) -> None:
    assert database.read(facts.earned) == {}
    bench.hear(assigned("a1", "ann", 1500, at(2)), closed("t1", "ann", 3000, at(2)))
    bench.hear(assigned("a2", "ann", 1000, at(7)))
    closing.close_day(database, TODAY, "carol")
    assert database.read(facts.earned) == {date(2026, 3, 2): -1500, date(2026, 3, 7): 1000}


def test_late_entries_are_told_with_both_days(bench: Workbench, database: Database) -> None:
    closing.close_day(database, YESTERDAY, "carol")
    bench.hear(assigned("a1", "ann", 1500, at(8), "t1"), assigned("a2", "ann", 1000))
    bench.hear(closed("t1", "ann", 3000, at(12)))
    with database.reading() as reading:
        told = list(facts.late_entries(reading))
    ids = dict(booked(database, "source_id", "transaction_id"))
    assert sorted(told, key=lambda entry: entry.own_day) == [
        LateEntry(ids["a1"], "fee", "ann", "t1", -1500, date(2026, 3, 8), TODAY),
        LateEntry(ids["t1"], "reward", "ann", "t1", 3000, date(2026, 3, 12), TODAY),
    ]


def test_payouts_are_never_late(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 3000, at(5)))
    closing.close_day(database, YESTERDAY, "carol")
    with database.reading() as reading:
        assert list(facts.late_entries(reading)) == []

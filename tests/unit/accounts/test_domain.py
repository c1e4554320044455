"""The ledger's rules, without a database."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count

import pytest

from accounts import domain
from accounts.domain import Entry, Posting

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
DAY = date(2026, 3, 10)


def _book(*postings: Posting, **balances: int) -> list[Entry]:
    numbers = count(1)
    return domain.book(postings, balances, lambda _posting: DAY, lambda: f"tx-{next(numbers)}")


def test_a_fee_takes_and_a_reward_gives() -> None:
    assert domain.fee("a1", "t1", "ann", 1500, NOON).sum == -1500
    assert domain.reward("t1", "ann", 3000, NOON).sum == 3000


def test_a_fee_is_for_the_assignment_and_a_reward_for_the_task() -> None:
    assert domain.fee("a1", "t1", "ann", 1500, NOON).key == ("fee", "a1")
    assert domain.reward("t1", "ann", 3000, NOON).key == ("reward", "t1")


def test_a_payout_is_for_one_account_and_day() -> None:
    payout = domain.payout("ann", DAY, 1500, NOON)
    assert payout.key == ("payout", "ann:2026-03-10")
    assert (payout.sum, payout.day) == (-1500, DAY)


def test_each_entry_carries_the_balance_after_it() -> None:
    entries = _book(
        domain.fee("a1", "t1", "ann", 1500, NOON),
        domain.fee("a2", "t2", "bob", 1000, NOON),
        domain.reward("t1", "ann", 3000, NOON),
        ann=200,
        bob=0,
    )
    assert [(e.user_id, e.sum, e.balance) for e in entries] == [
        ("ann", -1500, -1300),
        ("bob", -1000, -1000),
        ("ann", 3000, 1700),
    ]
    assert domain.last_balances(entries) == {"ann": 1700, "bob": -1000}


def test_booking_leaves_the_balances_it_was_given_alone() -> None:
    balances = {"ann": 5}
    domain.book(
        [domain.fee("a1", "t1", "ann", 1, NOON)], balances, lambda _posting: DAY, lambda: "x"
    )
    assert balances == {"ann": 5}


def test_a_payout_is_booked_on_the_day_that_it_pays() -> None:
    (entry,) = _book(domain.payout("ann", date(2026, 3, 1), 5, NOON), ann=5)
    assert entry.day == date(2026, 3, 1)


def test_of_postings_for_the_same_thing_the_first_is_booked() -> None:
    first = domain.fee("a1", "t1", "ann", 1500, NOON)
    again = domain.fee("a1", "t1", "ann", 1500, NOON)
    other = domain.reward("a1", "ann", 1500, NOON)
    assert domain.first_of_each([first, again, other]) == [first, other]


def test_a_correction_has_the_opposite_sum_and_says_who_and_why() -> None:
    (fee,) = _book(domain.fee("a1", "t1", "ann", 1500, NOON), ann=0)
    undo = domain.correction(fee, "a mistake", "carol", NOON)
    assert (undo.kind, undo.key, undo.sum) == ("reversal", ("reversal", "tx-1"), 1500)
    assert (undo.reversed_kind, undo.reverses, undo.task_id) == ("fee", "tx-1", "t1")
    assert (undo.note, undo.made_by) == ("a mistake", "carol")


def test_a_payout_and_a_reversal_are_not_corrected_by_hand() -> None:
    (payout,) = _book(domain.payout("ann", DAY, 5, NOON), ann=5)
    with pytest.raises(domain.PayoutNotReversible):
        domain.correction(payout, "no", "carol", NOON)
    with pytest.raises(domain.ReversalNotReversible):
        domain.correction(replace(payout, kind="reversal"), "no", "carol", NOON)


def test_a_cancelled_payout_comes_back_whole() -> None:
    (payout,) = _book(domain.payout("ann", DAY, 700, NOON), ann=700)
    back = domain.returned_payout(payout, "ann", 700, "no such card", NOON)
    assert (back.sum, back.reversed_kind, back.note, back.made_by, back.day) == (
        700,
        "payout",
        "no such card",
        None,
        None,
    )


@pytest.mark.parametrize(("user_id", "amount"), [("bob", 700), ("ann", 699)])
def test_a_cancelled_payout_must_be_the_one_that_was_made(user_id: str, amount: int) -> None:
    (payout,) = _book(domain.payout("ann", DAY, 700, NOON), ann=700)
    with pytest.raises(domain.PayoutDiffers):
        domain.returned_payout(payout, user_id, amount, "", NOON)


def test_only_a_payout_can_be_cancelled() -> None:
    (fee,) = _book(domain.fee("a1", "t1", "ann", 1500, NOON), ann=0)
    with pytest.raises(domain.UnknownPayout):
        domain.returned_payout(fee, "ann", 1500, "", NOON)


@pytest.mark.parametrize("text", ["", "x" * 65, "a b", "попуг", "a\n", "\x7f"])
def test_what_cannot_be_an_id_is_no_id(text: str) -> None:
    assert not domain.is_id(text)


def test_a_uuid_and_a_short_word_are_ids() -> None:
    assert domain.is_id("01a1fa95-9fd2-769e-88db-ee710ba04ae9")
    assert domain.is_id("u-worker")

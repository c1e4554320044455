"""Prices, draws, closing, and how a shuffle goes on."""

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest

from tasks.domain import (
    AlreadyClosed,
    NeverYours,
    NoCandidates,
    ReassignedMeanwhile,
    Shuffle,
    Task,
    count_on,
    draw_assignee,
    draw_prices,
    go_on,
    why_not_closed,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def task(assignee_id: str, closed_at: datetime | None = None) -> Task:
    return Task(1, "t1", "Paint", None, "", assignee_id, 1500, 3000, "ann", NOON, closed_at)


def test_fees_are_whole_dollars_from_10_to_20_and_each_is_as_likely() -> None:
    chance = Random(1)
    fees = Counter(draw_prices(chance).fee for _ in range(11_000))
    assert set(fees) == {dollars * 100 for dollars in range(10, 21)}
    # 1000 expected of each; five standard deviations are about 150.
    assert all(850 < count < 1_150 for count in fees.values())


def test_rewards_are_whole_dollars_from_20_to_40_and_each_is_as_likely() -> None:
    chance = Random(2)
    rewards = Counter(draw_prices(chance).reward for _ in range(21_000))
    assert set(rewards) == {dollars * 100 for dollars in range(20, 41)}
    assert all(850 < count < 1_150 for count in rewards.values())


def test_the_fee_says_nothing_about_the_reward() -> None:
    chance = Random(3)
    pairs = {(prices.fee, prices.reward) for prices in (draw_prices(chance) for _ in range(9_000))}
    assert len(pairs) == 11 * 21


def test_a_task_lands_on_each_candidate_as_often() -> None:
    chance = Random(4)
    people = [f"p{i}" for i in range(10)]
    draws = Counter(draw_assignee(people, chance) for _ in range(10_000))
    assert set(draws) == set(people)
    assert all(850 < count < 1_150 for count in draws.values())


def test_without_candidates_a_task_lands_on_nobody() -> None:
    with pytest.raises(NoCandidates):
        draw_assignee([], Random(5))


def test_who_never_held_a_task_may_not_close_it_open_or_closed() -> None:
    assert isinstance(why_not_closed(task("bob"), "ann", has_held_it=False), NeverYours)
    assert isinstance(why_not_closed(task("bob", NOON), "ann", has_held_it=False), NeverYours)


def test_who_lost_a_task_hears_who_holds_it_now() -> None:
    why = why_not_closed(task("bob"), "ann", has_held_it=True)
    assert isinstance(why, ReassignedMeanwhile)
    assert why.holder_id == "bob"


def test_a_task_is_closed_once() -> None:
    assert isinstance(why_not_closed(task("ann", NOON), "ann", has_held_it=True), AlreadyClosed)


def test_a_shuffle_goes_on_where_it_stopped() -> None:
    shuffle = Shuffle("s1", "meg", NOON, total=5, up_to=9)
    shuffle = go_on(shuffle, [1, 4], at_the_end=False, now=NOON)
    assert (shuffle.cursor, shuffle.done, shuffle.skipped, shuffle.status) == (4, 2, 0, "running")
    shuffle = go_on(shuffle, [6], at_the_end=True, now=NOON)
    assert (shuffle.cursor, shuffle.done, shuffle.skipped, shuffle.status) == (9, 3, 2, "done")
    assert shuffle.finished_at == NOON


def test_the_tasks_of_a_shuffle_are_counted_in_pieces() -> None:
    shuffle = count_on(Shuffle("s1", "meg", NOON, total=0, up_to=9), counted=3, last_position=4)
    assert (shuffle.total, shuffle.uncounted_after) == (3, 4)
    shuffle = count_on(shuffle, counted=2, last_position=None)
    assert (shuffle.total, shuffle.uncounted_after) == (5, None)


def test_a_shuffle_of_nothing_is_done_at_once() -> None:
    shuffle = go_on(Shuffle("s1", "meg", NOON, total=0, up_to=0), [], at_the_end=True, now=NOON)
    assert (shuffle.total, shuffle.done, shuffle.skipped, shuffle.status) == (0, 0, 0, "done")


def test_a_task_that_came_in_as_the_shuffle_started_is_counted_in_the_end() -> None:
    shuffle = Shuffle("s1", "meg", NOON, total=1, up_to=2)
    shuffle = go_on(shuffle, [1, 2], at_the_end=True, now=NOON)
    assert (shuffle.total, shuffle.done, shuffle.skipped) == (2, 2, 0)

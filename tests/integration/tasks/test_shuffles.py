"""Shuffles: everything that was open is dealt anew, each task once, whatever happens (rule 5)."""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from chassis import outbox
from tasks import commands, models, shuffles
from tasks.drafts import Draft
from tasks.jobs import deal as deal_chunk_of
from tests.integration.tasks.company import Company, at_once, company
from tests.support import Workbench


@pytest.fixture
def popug(workbench: Callable[..., Workbench], monkeypatch: pytest.MonkeyPatch) -> Company:
    monkeypatch.setattr(commands, "TASKS_PER_TRANSACTION", 3)
    return company(workbench)


def deal(popug: Company) -> bool:
    return deal_chunk_of(popug.runtime)


def dealt(popug: Company) -> Counter[str]:
    return Counter(event.task_id for event in popug.assigned("shuffled"))


def test_every_open_task_is_dealt_once_and_the_closed_ones_are_not(popug: Company) -> None:
    made = [popug.create() for _ in range(8)]
    popug.close(made[2]["id"], made[2]["assignee_id"])
    started = popug.shuffle()
    assert started == {
        "id": started["id"],
        "status": "running",
        "total": 7,
        "done": 0,
        "skipped": 0,
        "started_by": "u-manager",
        "started_at": "2026-03-10T12:00:00Z",
    }
    assert deal(popug)
    assert popug.shuffled(started["id"]) == {**started, "done": 3}
    assert deal(popug)
    assert deal(popug)
    assert not deal(popug)
    assert popug.shuffled(started["id"]) == {**started, "status": "done", "done": 7}
    open_ids = [task["id"] for task in made if task is not made[2]]
    assert dealt(popug) == Counter(open_ids)
    for event in popug.assigned("shuffled"):
        now = popug.task(event.task_id)
        before = next(task for task in made if task["id"] == event.task_id)
        assert now == {**before, "assignee_id": event.assignee_id}
        assert (event.fee, event.reward) == (now["fee"], now["reward"])
    assert len({event.assignment_id for event in popug.assigned()}) == 8 + 7


def test_nobody_waits_behind_the_events_of_a_shuffle(popug: Company) -> None:
    for _ in range(4):
        popug.create()
    popug.shuffle()
    assert deal(popug)
    messages = popug.runtime.database.read(outbox.unsent, 100)
    assert [message.bulk for message in messages] == [False] * 4 + [True] * 3


def test_a_task_made_after_the_start_is_not_touched(popug: Company) -> None:
    old = [popug.create()["id"] for _ in range(4)]
    started = popug.shuffle()
    deal(popug)
    popug.create()
    popug.bench.settle()
    assert popug.shuffled(started["id"])["done"] == 4
    assert {task["id"] for task in popug.tasks()} > set(old)


def test_a_task_closed_meanwhile_is_skipped(popug: Company) -> None:
    made = [popug.create() for _ in range(7)]
    started = popug.shuffle()
    deal(popug)
    for late in made[4:6]:
        assert popug.close(late["id"], late["assignee_id"]).status_code == 200
    while deal(popug):
        pass
    end = popug.shuffled(started["id"])
    assert (end["status"], end["total"], end["done"], end["skipped"]) == ("done", 7, 5, 2)
    assert not {late["id"] for late in made[4:6]} & set(dealt(popug))


def test_a_shuffle_draws_fairly_and_independently(
    popug: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "TASKS_PER_TRANSACTION", 500)
    people = [f"p{i}" for i in range(5)]
    popug.people_are("ann")
    for _ in range(500):
        popug.runtime.database.run(commands.create_task, Draft("Paint"), "ann", ["ann"], Random(1))
    popug.runtime.database.run(commands.start_shuffle, "meg", people)
    popug.runtime.database.run(commands.deal_chunk, people, Random(6))
    landed = Counter(event.assignee_id for event in popug.assigned("shuffled"))
    assert set(landed) == set(people)
    # 100 expected of each; five standard deviations are 45.
    assert all(55 < count < 145 for count in landed.values())


def test_a_crash_inside_a_chunk_leaves_nothing_of_it_and_each_task_is_dealt_once(
    popug: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [popug.create()["id"] for _ in range(10)]
    started = popug.shuffle()
    assert deal(popug)
    for broken in ("give_tasks", "open_tasks_for_update"):
        with monkeypatch.context() as patch:
            patch.setattr(models, broken, _crash)
            with pytest.raises(RuntimeError, match="crash"):
                deal(popug)
    with monkeypatch.context() as patch:
        # All is written but not yet committed.
        patch.setattr(shuffles, "save_shuffle", _crash)
        with pytest.raises(RuntimeError, match="crash"):
            deal(popug)
    assert popug.shuffled(started["id"])["done"] == 3
    assert sum(dealt(popug).values()) == 3
    while deal(popug):
        pass
    assert dealt(popug) == Counter(made)
    assert popug.shuffled(started["id"]) == {**started, "status": "done", "done": 10}


def test_the_tasks_of_a_very_large_shuffle_are_counted_in_pieces_before_the_first_is_dealt(
    popug: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "COUNTED_AT_ONCE", 4)
    made = [popug.create() for _ in range(10)]
    started = popug.shuffle()
    assert (started["total"], started["status"]) == (4, "running")
    assert deal(popug)
    assert popug.shuffled(started["id"])["total"] == 8
    with monkeypatch.context() as patch:
        patch.setattr(shuffles, "save_shuffle", _crash)
        with pytest.raises(RuntimeError, match="crash"):
            deal(popug)
    assert deal(popug)
    assert not dealt(popug)
    assert popug.close(made[9]["id"], made[9]["assignee_id"]).status_code == 200
    while deal(popug):
        pass
    end = popug.shuffled(started["id"])
    assert (end["status"], end["total"], end["done"], end["skipped"]) == ("done", 10, 9, 1)


def test_as_many_tasks_as_are_counted_at_once_are_counted_once(
    popug: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "COUNTED_AT_ONCE", 4)
    for _ in range(4):
        popug.create()
    started = popug.shuffle()
    popug.create()
    popug.bench.settle()
    end = popug.shuffled(started["id"])
    assert (end["total"], end["done"], end["skipped"]) == (4, 4, 0)


def test_a_shuffle_asks_auth_as_it_begins_and_rarely_again(popug: Company) -> None:
    for _ in range(12):
        popug.create()
    popug.shuffle()
    asked = popug.auth.asked
    popug.bench.clock.advance(seconds=3)
    before = len(asked)
    assert deal(popug)
    assert len(asked) == before + 1
    popug.bench.clock.advance(seconds=60)
    assert deal(popug)
    assert len(asked) == before + 1
    popug.bench.clock.advance(seconds=60)
    assert deal(popug)
    assert len(asked) == before + 2


def test_the_table_refuses_to_deal_a_task_twice_in_one_shuffle(popug: Company) -> None:
    popug.create()
    popug.shuffle()
    deal(popug)
    with popug.runtime.database.reading() as reading:
        indexes = reading.connection.exec_driver_sql(
            "select name from sqlite_master where sql like '%UNIQUE%shuffle_id, task_id%'"
        ).all()
    assert len(indexes) == 1


def test_two_runners_of_the_job_deal_each_task_once(popug: Company) -> None:
    made = [popug.create()["id"] for _ in range(20)]
    started = popug.shuffle()

    def run() -> None:
        while deal(popug):
            pass

    at_once([run] * 4)
    assert dealt(popug) == Counter(made)
    assert popug.shuffled(started["id"])["done"] == 20


def test_shuffles_are_dealt_one_after_another_in_order_of_start(popug: Company) -> None:
    made = [popug.create()["id"] for _ in range(4)]
    first, second = popug.shuffle(), popug.shuffle()
    deal(popug)
    assert popug.shuffled(first["id"])["done"] == 3
    assert popug.shuffled(second["id"])["done"] == 0
    while deal(popug):
        pass
    assert dealt(popug) == Counter(made * 2)
    for shuffle in (first, second):
        assert popug.shuffled(shuffle["id"])["status"] == "done"


def test_closes_during_a_shuffle_lose_or_win_but_never_both(popug: Company) -> None:
    popug.people_are("ann")
    made = [popug.create()["id"] for _ in range(24)]
    popug.people_are("bob")
    started = popug.shuffle()

    def run() -> None:
        while deal(popug):
            pass

    calls: list[Callable[[], object]] = [run, run]
    calls += [lambda i=i: popug.close(i, "ann").status_code for i in reversed(made)]  # type: ignore[misc]
    codes = at_once(calls)[2:]
    assert set(codes) <= {200, 409}
    end = popug.shuffled(started["id"])
    closed = {event.task_id for event in popug.closed()}
    assert end["status"] == "done"
    assert end["done"] + end["skipped"] == end["total"] == 24
    assert codes.count(200) == len(closed)
    # A task that ann closed was not dealt before; one that was dealt is bob's.
    assert not closed & set(dealt(popug))
    assert len(dealt(popug)) == end["done"]
    assert all(task["assignee_id"] == "bob" for task in popug.tasks(status="open"))


def test_a_shuffle_waits_while_auth_is_away_and_goes_on_after(popug: Company) -> None:
    popug.create()
    started = popug.shuffle()
    popug.auth.away = True
    popug.forget_candidates()
    assert not deal(popug)
    assert popug.shuffled(started["id"])["status"] == "running"
    popug.auth.away = False
    popug.runtime.remote._resting.clear()
    assert deal(popug)
    assert popug.shuffled(started["id"])["status"] == "done"


def test_a_shuffle_waits_while_there_is_nobody_to_deal_to(popug: Company) -> None:
    popug.create()
    started = popug.shuffle()
    popug.people_are()
    assert not deal(popug)
    popug.people_are("dan")
    assert deal(popug)
    assert popug.shuffled(started["id"])["done"] == 1
    assert [task["assignee_id"] for task in popug.tasks()] == ["dan"]


def test_who_is_called_off_gets_nothing_in_a_shuffle(popug: Company) -> None:
    for _ in range(12):
        popug.create()
    popug.hear("ann", active=False)
    popug.hear("bob", role="admin")
    popug.shuffle()
    while deal(popug):
        pass
    assert {task["assignee_id"] for task in popug.tasks()} == {"cid"}


def test_a_shuffle_over_nobody_is_refused(popug: Company) -> None:
    popug.people_are()
    assert popug.manager().post("/tasks/api/v1/shuffles").status_code == 409


def test_a_shuffle_of_nothing_ends(popug: Company) -> None:
    started = popug.shuffle()
    popug.bench.settle()
    assert popug.shuffled(started["id"]) == {**started, "status": "done"}


def _crash(*_: object, **__: object) -> None:
    raise RuntimeError("crash")

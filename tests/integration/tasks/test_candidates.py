"""On whom tasks may land while auth is there, and while it is away; stuck tasks (rules 2, 7)."""

from collections.abc import Callable

import pytest

from chassis.access import Known, known_access
from contracts.auth import AccessChanged
from tests.integration.tasks.company import API, Company, at_once, company
from tests.support import Workbench


@pytest.fixture
def popug(workbench: Callable[..., Workbench]) -> Company:
    made = company(workbench)
    made.runtime.remote._resting = _NeverRests()  # by the machine's clock; ours stands
    return made


class _NeverRests(dict[str, float]):
    def __setitem__(self, _: str, __: float) -> None:
        pass


def create_code(popug: Company) -> int:
    return popug.worker("ann").post(f"{API}/tasks", json={"title": "Paint"}).status_code


def test_auth_is_asked_again_after_two_seconds(popug: Company) -> None:
    for _ in range(3):
        popug.create()
    assert popug.auth.asked == ["/api/v1/users"]
    popug.bench.clock.advance(seconds=1.9)
    popug.create()
    assert len(popug.auth.asked) == 1
    popug.bench.clock.advance(seconds=0.2)
    popug.create()
    assert len(popug.auth.asked) == 2


def test_the_last_known_candidates_serve_for_five_minutes_without_auth(popug: Company) -> None:
    popug.create()
    popug.auth.away = True
    popug.bench.clock.advance(minutes=4, seconds=59)
    assert create_code(popug) == 201
    popug.bench.clock.advance(seconds=2)
    answer = popug.worker("ann").post(f"{API}/tasks", json={"title": "Paint"})
    assert answer.status_code == 503
    assert "list of people cannot be had" in (answer.json or {})["detail"]
    assert "try again" in (answer.json or {})["detail"]
    assert len(popug.tasks()) == 2
    popug.auth.away = False
    assert create_code(popug) == 201


def test_without_any_known_candidate_list_nothing_is_made(popug: Company) -> None:
    popug.auth.away = True
    assert create_code(popug) == 503
    assert popug.said() == []


def test_an_answer_of_no_is_as_good_as_none(popug: Company) -> None:
    popug.create()
    del popug.auth.lists["/api/v1/users"]  # now 404
    popug.bench.clock.advance(seconds=10)
    assert create_code(popug) == 201


def test_a_clock_that_was_set_back_makes_no_old_list_new(popug: Company) -> None:
    popug.create()
    popug.bench.clock.advance(hours=-1)
    popug.create()
    assert len(popug.auth.asked) == 2


def test_many_at_once_ask_auth_once(popug: Company) -> None:
    assert at_once([lambda: create_code(popug) for _ in range(8)]) == [201] * 8
    assert len(popug.auth.asked) == 1


def test_the_board_shows_managers_what_is_stuck_and_hands_it_over(popug: Company) -> None:
    popug.people_are("ann")
    stuck = {popug.create()["id"] for _ in range(3)}
    popug.people_are("bob")
    fine = popug.create(by="bob")["id"]
    popug.people_are("ann", "bob")
    board = popug.manager().get("/tasks/board").text
    assert "stuck" not in board
    popug.hear("ann", active=False)
    board = popug.manager().get("/tasks/board").text
    assert "3 open tasks are stuck" in board
    assert "stuck" not in popug.worker("bob").get("/tasks/board").text
    answer = popug.manager().post("/tasks/hand-over", follow_redirects=True)
    assert "3 tasks were handed over." in answer.text
    assert "stuck" not in answer.text
    events = popug.assigned("reassigned")
    assert {event.task_id for event in events} == stuck
    assert {event.assignee_id for event in events} == {"bob"}
    assert len(events) == 3
    assert popug.task(fine)["assignee_id"] == "bob"


def test_tasks_of_people_whom_auth_no_longer_lists_are_stuck_too(popug: Company) -> None:
    popug.people_are("ann")
    popug.create()
    popug.people_are("bob")
    assert "1 open task is stuck" in popug.manager().get("/tasks/board").text
    popug.manager().post("/tasks/hand-over")
    assert [task["assignee_id"] for task in popug.tasks()] == ["bob"]


def test_a_closed_task_is_not_stuck(popug: Company) -> None:
    popug.people_are("ann")
    popug.close(popug.create()["id"], "ann")
    popug.hear("ann", active=False)
    assert "stuck" not in popug.manager().get("/tasks/board").text


def test_without_auth_the_board_goes_by_what_was_heard(popug: Company) -> None:
    popug.people_are("ann")
    popug.create()
    popug.auth.away = True
    popug.forget_candidates()
    assert "stuck" not in popug.manager().get("/tasks/board").text
    popug.hear("ann", role="manager")
    assert "1 open task is stuck" in popug.manager().get("/tasks/board").text
    assert popug.manager().post("/tasks/hand-over").status_code == 503


def test_a_hand_over_to_nobody_is_refused_and_changes_nothing(popug: Company) -> None:
    popug.people_are("ann")
    popug.create()
    popug.people_are()
    assert popug.manager().post("/tasks/hand-over").status_code == 409
    assert len(popug.said()) == 1


def test_many_stuck_tasks_are_handed_over_in_pieces(
    popug: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.commands.TASKS_PER_TRANSACTION", 2)
    monkeypatch.setattr("tasks.commands.HOLDERS_PER_TRANSACTION", 1)
    for _ in range(11):
        popug.create()
    popug.people_are("dan")
    popug.manager().post("/tasks/hand-over")
    assert {task["assignee_id"] for task in popug.tasks()} == {"dan"}
    assert len(popug.assigned("reassigned")) == 11


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 1, 2, 0, 0, 2]])
def test_changes_of_rights_may_come_twice_and_in_any_order(
    popug: Company, order: list[int]
) -> None:
    changes = [
        AccessChanged(user_id="ann", role="worker", active=False, epoch=1),
        AccessChanged(user_id="ann", role="manager", active=True, epoch=2),
        AccessChanged(user_id="ann", role="accountant", active=True, epoch=3),
    ]
    for i in order:
        popug.bench.hear(changes[i])
    known = popug.runtime.database.read(known_access, "ann")
    assert known == Known("accountant", active=True, epoch=3)

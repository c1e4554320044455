"""A task's journey through all six services, as the page tells it."""

from typing import Any

import pytest

from chassis import parking
from chassis.outbox import outbox
from tasks.journey import APPLIED, PARKED, SILENT, WAITS, steps
from tests.support import Workbench

TASKS = "/tasks/api/v1/tasks"
AT = "2026-03-10T12:00:00+00:00"


@pytest.fixture
def bench(either_engine: Workbench) -> Workbench:
    return either_engine


@pytest.fixture
def task(bench: Workbench) -> dict[str, Any]:
    """A task that its popug, Ann, has just been given."""
    ann = {"email": "ann@popug.test", "name": "Ann", "role": "worker", "password": "long enough"}
    ann_id = bench.client("admin").post("/auth/api/v1/users", json=ann).get_json()["id"]
    bench.settle()
    made = bench.client("worker", ann_id).post(TASKS, json={"title": "Oil the swing"})
    assert made.status_code == 201, made.text
    answer: dict[str, Any] = made.get_json()
    return answer


def _page(bench: Workbench, task: dict[str, Any]) -> str:
    answer = bench.client("admin").get(f"/tasks/{task['id']}/journey")
    assert answer.status_code == 200
    return answer.text


def _event(**more: Any) -> dict[str, Any]:
    return {
        "event_id": "e1",
        "type": "popug.tasks.task_closed.v1",
        "time": AT,
        "trace_id": "a" * 32,
        "data": {"assignee_id": "u1"},
        **more,
    }


def test_each_listener_has_applied_it_parked_it_waits_for_it_or_is_silent() -> None:
    nothing: dict[str, Any] = {"sent": [], "heard": [], "parked": []}
    later = "2026-03-10T12:00:01.500000+00:00"
    facts = {
        "tasks": {**nothing, "sent": [_event(created_at=AT, sent_at=later)]},
        "a": {**nothing, "heard": [_event(applied_at=later)]},
        "b": {**nothing, "parked": [{"event_id": "e1", "number": 7, "parked_at": later}]},
        "c": nothing,
        "d": None,
        "e": nothing,
    }
    kind = frozenset({"popug.tasks.task_closed.v1"})
    hears = {**dict.fromkeys("abcd", kind), "e": frozenset[str]()}
    (step,) = steps(facts, hears)
    states = {one.service: one.state for one in step.listeners}
    assert states == {"a": APPLIED, "b": PARKED, "c": WAITS, "d": SILENT}
    assert [one.seconds for one in step.listeners if one.state == APPLIED] == [1.5]
    assert (step.name, step.waits) == ("task_closed", False)


def test_an_event_that_its_outbox_has_forgotten_is_told_by_who_applied_it() -> None:
    nothing: dict[str, Any] = {"sent": [], "heard": [], "parked": []}
    facts = {"tasks": nothing, "a": {**nothing, "heard": [_event(applied_at=AT)]}}
    (step,) = steps(facts, {"a": frozenset({"popug.tasks.task_closed.v1"})})
    assert (step.sent_at, step.waits) == (None, False)
    assert step.listeners[0].seconds == 0


def test_from_creation_to_payout_and_mail(bench: Workbench, task: dict[str, Any]) -> None:
    before = _page(bench, task)
    assert before.count("waits to be sent") == 1
    assert before.count("not there yet") == 2, "accounts and analytics hear of it"
    assert "Nothing is booked for it yet." in before
    bench.clock.advance(seconds=2)
    bench.settle()
    assert _page(bench, task).count("after 2.00 s") == 3, "sent, and applied by both"
    popug = bench.client("worker", task["assignee_id"])
    assert popug.post(f"{TASKS}/{task['id']}/close").status_code == 200
    bench.settle()
    assert "Reward" in _page(bench, task)
    bench.clock.advance(days=1)
    bench.settle()
    page = _page(bench, task)
    for words in ("Assigned", "Ann", "when it was created", "Closed", "Payout of the day",
                  "Payout requested", "waiting for a card", "Mail"):  # fmt: skip
        assert words in page, words
    assert "not there yet" not in page
    assert "does not answer" not in page
    told = bench.client("admin").get(f"/tasks/eventsz?subject={task['id']}").get_json()
    assert [event["type"].split(".")[2] for event in told["sent"]] == [
        "task_assigned",
        "task_closed",
    ]
    for event in told["sent"]:
        assert event["trace_id"] in page, "an operator finds it in the logs"
    link = f"/tasks/{task['id']}/journey"
    assert link in bench.client("admin").get(f"/tasks/{task['id']}").text
    assert link not in bench.client("manager").get(f"/tasks/{task['id']}").text


@pytest.mark.parametrize("away", ["accounts", "billing", "mailer", "analytics", "auth"])
def test_a_service_that_is_away_is_shown_as_such(
    away: str, bench: Workbench, task: dict[str, Any]
) -> None:
    bench.client("worker", task["assignee_id"]).post(f"{TASKS}/{task['id']}/close")
    bench.clock.advance(days=1)
    bench.settle()
    bench.take_away(away)
    page = _page(bench, task)
    assert f"These services do not answer: {away}." in page
    assert "Oil the swing" in page


def test_a_parked_event_is_linked_where_it_waits(bench: Workbench, task: dict[str, Any]) -> None:
    (event,) = bench.client("admin").get(f"/tasks/eventsz?subject={task['id']}").get_json()["sent"]
    body = bench.runtime("tasks").database.read(
        lambda reading: reading.execute(_payload(event["event_id"])).scalar_one()
    )
    bench.runtime("accounts").database.run(parking.park, body, event["type"], "KeyError: 'x'")
    page = _page(bench, task)
    assert "stays parked" in page
    assert "/accounts/parked/events/1" in page


def _payload(event_id: str) -> Any:

    return outbox.select().with_only_columns(outbox.c.payload).where(outbox.c.event_id == event_id)


def test_facts_are_asked_of_an_id(bench: Workbench, task: dict[str, Any]) -> None:
    admin = bench.client("admin")
    for nothing in ("", "x" * 65, "%C3%A9"):
        assert admin.get(f"/accounts/eventsz?subject={nothing}").status_code == 422
    known = admin.get("/accounts/eventsz?subject=nothing").get_json()
    assert known == {"service": "accounts", "sent": [], "heard": [], "parked": []}
    assert bench.client("worker").get("/accounts/eventsz?subject=x").status_code == 403
    assert bench.client("worker").get(f"/tasks/{task['id']}/journey").status_code == 403
    assert admin.get("/tasks/nothing/journey").status_code == 404

"""One service is gone: the others go on, and say plainly what they cannot show."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from werkzeug.test import Client

from popug.system import system
from tests.support import Workbench

TASKS = "/tasks/api/v1/tasks"
PAGES = {
    "tasks": ("/tasks/", "/tasks/board", "/tasks/shuffles/new"),
    "accounts": ("/accounts/", "/accounts/company", "/accounts/users", "/accounts/days"),
    "billing": ("/billing/", "/billing/payouts"),
    "mailer": ("/mailer/",),
    "analytics": ("/analytics/",),
    "auth": ("/auth/me", "/auth/users"),
}


@dataclass
class Stage:
    """All services, and one popug with his browser."""

    bench: Workbench
    popug: Client
    user_id: str
    admin: Client


@pytest.fixture
def stage(workbench: Callable[..., Workbench]) -> Stage:
    """All six services, one popug with a closed task, a payout, and the day after."""
    bench = workbench(*system.services)
    ann, ada = _hire(bench, "Ann Feather", "worker"), _hire(bench, "Ada Quill", "admin")
    popug = bench.client("worker", ann)
    task = popug.post(TASKS, json={"title": "Paint the cage"}).get_json()
    assert popug.post(f"{TASKS}/{task['id']}/close").status_code == 200
    bench.settle()
    bench.clock.advance(days=1)
    bench.settle()
    # Yesterday's session is over.
    return Stage(bench, bench.client("worker", ann), ann, bench.client("admin", ada))


def _hire(bench: Workbench, name: str, role: str) -> str:
    email = f"{role}@popug.test"
    person = {"email": email, "name": name, "role": role, "password": "long enough"}
    made = bench.client("admin").post("/auth/api/v1/users", json=person)
    assert made.status_code == 201, made.text
    return str(made.get_json()["id"])


@pytest.mark.parametrize("gone", sorted(PAGES))
def test_with_one_service_gone_every_page_of_the_others_works(stage: Stage, gone: str) -> None:
    stage.bench.take_away(gone)
    for service, paths in PAGES.items():
        if service != gone:
            for path in paths:
                assert stage.admin.get(path).status_code == 200, path


def test_with_auth_gone_names_are_marked_unavailable(stage: Stage) -> None:
    pages = ("/tasks/board?status=closed", f"/accounts/users/{stage.user_id}", "/billing/payouts")
    for path in pages:
        assert "Ann Feather" in stage.admin.get(path).text, path
    stage.bench.take_away("auth")
    for runtime in stage.bench.embedded.runtimes.values():
        runtime.remote._labels.clear()
    for path in pages:
        text = stage.admin.get(path).text
        assert "Ann Feather" not in text, path
        assert "name unavailable" in text, path


def test_with_tasks_gone_statements_show_without_titles(stage: Stage) -> None:
    assert "Paint the cage" in stage.popug.get("/accounts/").text
    stage.bench.take_away("tasks")
    stage.bench.runtime("accounts").remote._labels.clear()
    statement = stage.popug.get("/accounts/").text
    assert "title unavailable" in statement
    assert "Paint the cage" not in statement


def test_with_auth_gone_tasks_are_created_for_five_minutes_and_then_refused_with_the_reason(
    stage: Stage,
) -> None:
    manager = stage.bench.client("manager")
    assert manager.post(TASKS, json={"title": "Auth is here"}).status_code == 201
    stage.bench.take_away("auth")
    stage.bench.clock.advance(minutes=4, seconds=59)
    assert manager.post(TASKS, json={"title": "Four minutes later"}).status_code == 201
    stage.bench.clock.advance(seconds=2)
    refused = manager.post(TASKS, json={"title": "Five minutes later"})
    assert refused.status_code == 503
    assert len(refused.get_json()["detail"]) > 20
    titles = [t["title"] for t in manager.get(f"{TASKS}?limit=200").get_json()["items"]]
    assert "Five minutes later" not in titles
    stage.bench.give_back("auth")
    stage.bench.runtime("tasks").remote._resting.clear()
    assert manager.post(TASKS, json={"title": "Auth is back"}).status_code == 201


def test_money_moves_while_auth_and_tasks_are_gone(stage: Stage) -> None:
    manager = stage.bench.client("manager")
    manager.post(TASKS, json={"title": "Before the outage"})
    stage.bench.take_away("auth")
    stage.bench.take_away("tasks")
    stage.bench.settle()
    assert stage.popug.get("/accounts/api/v1/accounts/me").get_json()["balance"] < 0

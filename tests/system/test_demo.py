"""The demo company of the first start."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.running import Person, RunningPopug
from tests.waiting import wait_until_equal


@pytest.fixture(scope="module")
def popug(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPopug]:
    running = RunningPopug(tmp_path_factory.mktemp("demo"))
    running.start("--demo")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def people(popug: RunningPopug) -> dict[str, Person]:
    """One signed-in person of each role, with the printed logins."""
    printed = popug.command("demo-logins")
    assert printed.returncode == 0
    lines = [line.split() for line in printed.stdout.splitlines()[1:]]
    return {role: Person(popug.url, email, password) for role, email, password in lines}


def test_each_role_can_sign_in(people: dict[str, Person]) -> None:
    assert set(people) == {"worker", "accountant", "manager", "admin"}
    for role, person in people.items():
        assert person.get("/auth/api/v1/users/me")["role"] == role


def test_every_dashboard_has_something_to_show(people: dict[str, Person]) -> None:
    admin = people["admin"]
    assert len(admin.items("/auth/api/v1/users")) >= 30
    assert len(admin.items("/tasks/api/v1/tasks")) >= 300
    days = admin.get("/accounts/api/v1/company")["items"]
    assert sum(1 for day in days if day["closed"] and day["payouts"] > 0) >= 10
    assert {p["status"] for p in admin.items("/billing/api/v1/payouts")} >= {
        "succeeded",
        "failed",
        "waiting_for_card",
    }
    assert {m["status"] for m in admin.items("/mailer/api/v1/mails")} == {"kept"}
    profits = [d["profit"] for d in admin.get("/analytics/api/v1/days")["items"]]
    assert sum(1 for profit in profits if profit) >= 10
    assert people["worker"].get("/accounts/api/v1/accounts/me/transactions")["items"]


def test_all_its_books_agree(popug: RunningPopug) -> None:
    reconciled = popug.command("reconcile", "--json")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr
    assert len(json.loads(reconciled.stdout)) >= 10


def test_rebuilding_analytics_gives_the_same_rows(
    popug: RunningPopug, people: dict[str, Person]
) -> None:
    before = people["manager"].get("/analytics/api/v1/days")
    rebuilt = popug.command("rebuild", "analytics")
    assert rebuilt.returncode == 0, rebuilt.stderr
    wait_until_equal(
        lambda: people["manager"].get("/analytics/api/v1/days"), before, "the same days"
    )


def test_a_second_start_makes_nothing_anew(popug: RunningPopug, people: dict[str, Person]) -> None:
    tasks = len(people["admin"].items("/tasks/api/v1/tasks"))
    popug.stop()
    popug.start("--demo")
    people["admin"].url = popug.url
    assert len(people["admin"].items("/tasks/api/v1/tasks")) == tasks


def test_production_has_no_demo(tmp_path: Path) -> None:
    servers = RunningPopug(tmp_path, POPUG_DATABASE_URL="sqlite:////nowhere/{service}.db")
    refused = servers.command("run", "--port", "0", "--demo")
    assert refused.returncode == 1
    assert "--demo" in refused.stderr

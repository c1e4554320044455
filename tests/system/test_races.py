"""Many at once on a running system: one winner, no server error, all books in order."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
import requests

from tests.system.company import Company
from tests.system.conftest import System
from tests.system.running import Person
from tests.waiting import wait_for

T = TypeVar("T")


@pytest.fixture(scope="module")
def company(either: System) -> Company:
    return Company(either.url, workers=3)


@pytest.fixture(autouse=True)
def all_invariants_hold_afterwards(either: System) -> Any:
    yield
    reconciled = either.command("reconcile")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr


def at_once(clients: int, act: Callable[[int], T]) -> list[T]:
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(act, range(clients)))


def separate_close(person: Person, task_id: str) -> requests.Response:
    """Close over a connection of its own, as another browser of the same person would."""
    return requests.post(
        f"{person.url}/tasks/api/v1/tasks/{task_id}/close",
        cookies=person.session.cookies.get_dict(),
        timeout=30,
    )


def test_a_task_closed_by_sixteen_clients_is_closed_once(company: Company) -> None:
    task = company.manager.post("/tasks/api/v1/tasks", title="Ring the bell")
    holder = company.by_id[task["assignee_id"]]
    answers = at_once(16, lambda _: separate_close(holder, task["id"]))
    assert Counter(a.status_code for a in answers) == {200: 1, 409: 15}


def test_closes_against_shuffles_leave_one_holder_and_one_reward(company: Company) -> None:
    tasks = [
        company.manager.post("/tasks/api/v1/tasks", title=f"Swing {n}")["id"] for n in range(40)
    ]

    def close(number: int) -> list[int]:
        """Everybody tries to close everything; only its holder of the moment may."""
        person = company.candidates[number % len(company.candidates)]
        return [separate_close(person, task).status_code for task in tasks]

    def shuffle(_: int) -> list[int]:
        answers = [company.manager.ask("POST", "/tasks/api/v1/shuffles") for _ in range(3)]
        return [a.status_code for a in answers]

    statuses = Counter(
        status
        for answer in at_once(9, lambda n: shuffle(n) if n == 0 else close(n))
        for status in answer
    )
    assert set(statuses) <= {200, 202, 403, 409}, statuses
    assert statuses[202] == 3
    wait_for(lambda: _no_shuffle_runs(company), "the shuffles to end")
    closed = company.manager.items("/tasks/api/v1/tasks", status="closed")
    assert statuses[200] == len([task for task in closed if task["id"] in tasks])


def _no_shuffle_runs(company: Company) -> bool:
    """One more shuffle runs after all others; once it is done, they are."""
    last = company.manager.post("/tasks/api/v1/shuffles")
    path = f"/tasks/api/v1/shuffles/{last['id']}"
    wait_for(lambda: company.manager.get(path)["status"] == "done", "the last shuffle")
    return True


def test_one_idempotency_key_from_eight_clients_makes_one_task(company: Company) -> None:
    maker = company.workers[0]

    def create(_: int) -> requests.Response:
        return requests.post(
            f"{maker.url}/tasks/api/v1/tasks",
            json={"title": "Only once"},
            headers={"Idempotency-Key": "the-same-key"},
            cookies=maker.session.cookies.get_dict(),
            timeout=30,
        )

    answers = at_once(8, create)
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == 1
    found = company.manager.items("/tasks/api/v1/tasks", q="Only once")
    assert len(found) == 1


def test_a_day_closed_by_four_at_once_and_again_pays_once(company: Company) -> None:
    today = company.accountant.get("/accounts/api/v1/company")["items"][-1]["date"]
    path = f"/accounts/api/v1/days/{today}/close"
    closers = [company.accountant, company.admin] * 2
    answers = at_once(
        4,
        lambda n: requests.post(
            company.url + path, cookies=closers[n].session.cookies.get_dict(), timeout=60
        ),
    )
    assert [a.status_code for a in answers] == [200] * 4
    first = company.accountant.post(path)
    assert company.accountant.post(path) == first

    def in_billing() -> list[Any]:
        return company.accountant.items("/billing/api/v1/payouts", date=today)

    wait_for(lambda: len(in_billing()) == first["payouts"], "payouts in billing")
    assert sum(p["amount"] for p in in_billing()) == first["amount"]
    assert len({p["user_id"] for p in in_billing()}) == first["payouts"]

"""A company for the tests of tasks: people as auth would list them, and short ways to ask."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from werkzeug.test import Client, TestResponse

import tasks
from chassis.runtime import Runtime
from contracts.auth import AccessChanged
from contracts.tasks import TaskAssigned, TaskClosed
from tasks.candidates import EXTENSION
from tests.support import Workbench

T = TypeVar("T")
API = "/tasks/api/v1"


class Company:
    """Tasks at work, with `people` as candidates."""

    def __init__(self, bench: Workbench, people: Sequence[str]) -> None:
        self.bench = bench
        self.auth = bench.fakes["auth"]
        self.runtime: Runtime = bench.runtime()
        self.people_are(*people)

    def people_are(self, *ids: str) -> None:
        """Auth lists these people now, and tasks has forgotten what it heard before."""
        self.auth.lists["/api/v1/users"] = [
            {"id": i, "name": f"Popug {i}", "role": "worker", "active": True} for i in ids
        ]
        self.forget_candidates()

    def forget_candidates(self) -> None:
        assert self.runtime.app
        self.runtime.app.extensions.pop(EXTENSION, None)

    def worker(self, user_id: str) -> Client:
        return self.bench.client("worker", user_id)

    def manager(self) -> Client:
        return self.bench.client("manager")

    def create(self, title: str = "Paint the cage", by: str = "ann") -> dict[str, Any]:
        answer = self.worker(by).post(f"{API}/tasks", json={"title": title})
        assert answer.status_code == 201, answer.text
        return dict(answer.json or {})

    def task(self, task_id: str) -> dict[str, Any]:
        return dict(self.manager().get(f"{API}/tasks/{task_id}").json or {})

    def tasks(self, **query: Any) -> list[dict[str, Any]]:
        answer = self.manager().get(f"{API}/tasks", query_string={"limit": 200, **query})
        assert answer.status_code == 200, answer.text
        return list((answer.json or {})["items"])

    def close(self, task_id: str, by: str) -> TestResponse:
        return self.worker(by).post(f"{API}/tasks/{task_id}/close")

    def reassign(self, task_id: str, to: str | None = None) -> TestResponse:
        body = {"assignee_id": to} if to else {}
        return self.manager().post(f"{API}/tasks/{task_id}/reassign", json=body)

    def shuffle(self, **headers: str) -> dict[str, Any]:
        answer = self.manager().post(f"{API}/shuffles", headers=headers)
        assert answer.status_code == 202, answer.text
        return dict(answer.json or {})

    def shuffled(self, shuffle_id: str) -> dict[str, Any]:
        return dict(self.manager().get(f"{API}/shuffles/{shuffle_id}").json or {})

    def said(self) -> list[TaskAssigned | TaskClosed]:
        """Every event emitted so far (nothing is sent before `settle`)."""
        return self.bench.emitted()

    def assigned(self, reason: str | None = None) -> list[TaskAssigned]:
        events = [e for e in self.said() if isinstance(e, TaskAssigned)]
        return [e for e in events if reason in (None, e.reason)]

    def closed(self) -> list[TaskClosed]:
        return [e for e in self.said() if isinstance(e, TaskClosed)]

    def hear(self, user_id: str, role: str = "worker", active: bool = True, epoch: int = 1) -> None:
        """Auth says that a person's rights have changed."""
        change = {"user_id": user_id, "role": role, "active": active, "epoch": epoch}
        self.bench.hear(AccessChanged.model_validate(change))


def company(workbench: Callable[..., Workbench], *people: str) -> Company:
    """Tasks alone at work; auth is a fake that lists these people."""
    return Company(workbench(tasks.service), people or ("ann", "bob", "cid"))


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make the calls on as many threads; their answers in the same order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [made.result() for made in [pool.submit(call) for call in calls]]

"""A popug who closes a task and asks for his account until the reward is there.

The clock runs from the answer to his click, which comes after the commit, to the answer that
shows the reward and the balance after it. Others may give him tasks meanwhile: he waits for
the entry of his own task, and not for a sum.
"""

import time
from collections.abc import Callable
from typing import Any

from bench.clients import Client
from tests.system.company import Company

TASKS = "/tasks/api/v1/tasks"
TRANSACTIONS = "/accounts/api/v1/accounts/me/transactions"
NEWEST = 20
PAUSE_SECONDS = 0.002
LONGEST_SECONDS = 60


class Probe:
    """One who may hold tasks, and whose clicks are timed."""

    def __init__(self, company: Company) -> None:
        person = company.hire("accountant")
        company.by_id[person.id] = person
        self._person, self._manager = Client(person), Client(company.manager)

    def task(self) -> dict[str, Any]:
        """A new task of his, charged."""
        task = self._manager.post(TASKS, title="Weigh a seed")
        if task["assignee_id"] != self._person.id:
            path = f"{TASKS}/{task['id']}/reassign"
            task = self._manager.post(path, assignee_id=self._person.id)
        self._await("fee", task["id"])
        return dict(task)

    def close(self, task: dict[str, Any]) -> float:
        """Milliseconds from the answer to his click until his account shows the reward."""
        self._person.post(f"{TASKS}/{task['id']}/close")
        return self._await("reward", task["id"])

    def spread(self, count: int, seconds: float) -> list[float]:
        """The same for as many tasks, spread over the time."""
        found = []
        for _ in range(count):
            began = time.monotonic()
            found.append(self.close(self.task()))
            time.sleep(max(0.0, seconds / count - (time.monotonic() - began)))
        return found

    def as_long_as(self, going_on: Callable[[], bool]) -> list[float]:
        """The same, one after the other, while something goes on."""
        found = []
        while going_on():
            found.append(self.close(self.task()))
        return found

    def _await(self, kind: str, task_id: str) -> float:
        began = time.monotonic()
        while not self._shows(kind, task_id):
            if time.monotonic() - began > LONGEST_SECONDS:
                raise TimeoutError("the account does not follow")
            time.sleep(PAUSE_SECONDS)
        return (time.monotonic() - began) * 1_000

    def _shows(self, kind: str, task_id: str) -> bool:
        newest = self._person.get(TRANSACTIONS, limit=NEWEST)["items"]
        return any(each["kind"] == kind and each["task_id"] == task_id for each in newest)

"""Clients that work without a pause, their own journal, and what must hold afterwards."""

import itertools
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.system.company import Company
from tests.system.running import Person, RunningPopug, new_session, until_able
from tests.system.split import SplitPopug
from tests.waiting import wait_for

CLIENTS = 6


@dataclass
class Journal:
    """What the system has acknowledged, written down by the clients themselves."""

    created: dict[str, str] = field(default_factory=dict)  # idempotency key → task id
    closed: set[str] = field(default_factory=set)
    unsure: dict[str, Person] = field(default_factory=dict)  # key and maker of lost answers
    lock: threading.Lock = field(default_factory=threading.Lock)

    def so_far(self) -> "Journal":
        """What was acknowledged until now."""
        with self.lock:
            return Journal(dict(self.created), set(self.closed))


class Load:
    """Clients that create and close tasks until they are told to stop."""

    def __init__(self, company: Company, journal: Journal) -> None:
        self._company = company
        self._journal = journal
        self.url = ""
        self._stopped = threading.Event()
        self._numbers = itertools.count()

    def run_for(self, url: str, seconds: float) -> list[threading.Thread]:
        """Start the clients; the caller joins them after the kill."""
        self.url = url
        self._stopped.clear()
        threads = [threading.Thread(target=self._work, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)  # how long the system lives is the point of the test
        return threads

    def stop(self) -> None:
        self._stopped.set()

    def _work(self, number: int) -> None:
        maker = self._company.workers[number % len(self._company.workers)]
        while not self._stopped.is_set():
            key = f"key-{next(self._numbers)}"
            try:
                task = self.create(maker, key)
                if random.random() < 0.7:
                    self._close(task)
            except requests.RequestException:
                return  # killed; the journal knows what was acknowledged

    def create(self, maker: Person, key: str) -> dict[str, Any]:
        """Create with this key, and note what happened."""
        with self._journal.lock:
            self._journal.unsure[key] = maker
        answer = self._post(
            maker, "", json={"title": f"Task {key}"}, headers={"Idempotency-Key": key}
        )
        assert answer.status_code == 201, answer.text
        task: dict[str, Any] = answer.json()
        with self._journal.lock:
            assert self._journal.created.setdefault(key, task["id"]) == task["id"]
            self._journal.unsure.pop(key)
        return task

    def _close(self, task: dict[str, Any]) -> None:
        holder = self._company.by_id[task["assignee_id"]]
        answer = self._post(holder, f"/{task['id']}/close")
        assert answer.status_code == 200, answer.text
        with self._journal.lock:
            self._journal.closed.add(task["id"])

    def _post(self, who: Person, path: str, **arguments: Any) -> requests.Response:
        url = f"{self.url}/tasks/api/v1/tasks{path}"
        with new_session() as session:
            cookies = who.session.cookies.get_dict()
            return until_able(lambda: session.post(url, cookies=cookies, timeout=10, **arguments))


def check(popug: RunningPopug | SplitPopug, company: Company, journal: Journal) -> None:
    """Everything acknowledged is there, once, and so is its money; all books agree."""
    for person in [company.admin, *company.candidates]:
        person.url = popug.url
    tasks = {t["id"]: t for t in company.admin.items("/tasks/api/v1/tasks")}
    assert set(journal.created.values()) <= set(tasks), "an acknowledged task is lost"
    titles = [t["title"] for t in tasks.values()]
    assert len(titles) == len(set(titles)), "one key made two tasks"
    open_again = [i for i in journal.closed if tasks[i]["status"] != "closed"]
    assert open_again == [], "an acknowledged close is lost"
    expected = {p.id: 0 for p in company.candidates}
    for task in tasks.values():
        expected[task["assignee_id"]] += task["reward"] * (task["status"] == "closed") - task["fee"]
    wait_for(lambda: _balances(company, popug) == expected, "every fee and reward exactly once")
    reconciled = popug.command("reconcile")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr


def _balances(company: Company, popug: RunningPopug | SplitPopug) -> dict[str, int]:
    for person in company.candidates:
        person.url = popug.url
    return company.balances()

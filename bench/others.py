"""Other people at work meanwhile: each request at its own time, whether or not the last is done.

So a slow answer is not hidden: what waits behind it is late, and counts from its own time.
"""

import threading
import time
from collections import defaultdict
from types import TracebackType
from typing import Self

from bench.clients import Client
from tests.system.company import Company

TASKS = "/tasks/api/v1/tasks"
CLIENTS, PAUSE_SECONDS = 4, 0.15
LOOKS_PER_TASK = 3


class Others:
    """Clients that look at a task, look at their own, and make one now and then."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._stopped = threading.Event()
        self._found: dict[str, list[float]] = defaultdict(list)
        task = company.manager.post(TASKS, title="Weigh a seed")
        self._path = f"{TASKS}/{task['id']}"
        self._threads = [threading.Thread(target=self._work) for _ in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
            time.sleep(PAUSE_SECONDS / CLIENTS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def milliseconds(self) -> dict[str, list[float]]:
        """How long each kind of request took, from the moment when it was due."""
        return dict(self._found)

    def _work(self) -> None:
        company = self._company
        client = Client(company.workers[0])
        turn, number = time.monotonic(), 0
        while not self._stopped.wait(max(0.0, turn - time.monotonic())):
            kind = self._ask(client, number)
            self._found[kind].append((time.monotonic() - turn) * 1_000)
            turn, number = turn + PAUSE_SECONDS, number + 1

    def _ask(self, client: Client, number: int) -> str:
        if number % (LOOKS_PER_TASK + 1) == LOOKS_PER_TASK:
            client.post(TASKS, title="Sort the seeds")
            return "making a task"
        if number % 2:
            client.get(self._path)
        else:
            client.get(TASKS, assignee="me", status="open", limit=20)
        return "looking at tasks"

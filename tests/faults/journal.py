"""What the system has promised, written down by the clients themselves.

It knows nothing of how Popug keeps its events: only of requests and their answers.
"""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

Task = dict[str, Any]


class BrokenPromise(AssertionError):
    """The system did not keep what it had acknowledged, or did what nobody asked for."""


@dataclass
class Promised:
    """One task as acknowledged. `assigned` counts the assignments of each popug, in all.

    `maybe` are popugs to whom an unanswered reassignment was to give it; nobody of ours
    changes such a task any more, but a shuffle may. `held_before` is who held it then, None
    after a shuffle: then who holds it now does not tell any more.
    """

    id: str
    fee: int
    reward: int
    holder: str
    assigned: Counter[str]
    maybe: list[str] = field(default_factory=list)
    held_before: str | None = None
    closed_by: str | None = None

    @property
    def settled(self) -> bool:
        """Whether every change that was asked of it was answered."""
        return not self.maybe


@dataclass
class Journal:
    """Every acknowledged request, and those whose answer never came. Thread-safe."""

    tasks: dict[str, Promised] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    # What was changed since the last check.
    touched: set[str] = field(default_factory=set)
    roles: dict[str, set[str]] = field(default_factory=dict)
    closed_days: set[str] = field(default_factory=set)
    acknowledged: int = 0
    retries: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, what: str, status: int | str) -> None:
        """Count an answer, or the lack of one."""
        with self.lock:
            self.statuses[f"{what} {status}"] += 1

    def again(self) -> None:
        with self.lock:
            self.retries += 1

    def created(self, key: str, task: Task) -> Promised:
        """A creation was acknowledged, perhaps for the second time."""
        with self.lock:
            self.acknowledged += 1
            made = self.keys.setdefault(key, task["id"])
            if made != task["id"]:
                self.problems.append(f"key {key} made {made} and {task['id']}")
            if task["id"] in self.tasks:
                self.problems.append(f"task {task['id']} was made for two keys")
            promised = self.tasks[task["id"]] = Promised(
                task["id"],
                task["fee"],
                task["reward"],
                task["assignee_id"],
                Counter([task["assignee_id"]]),
            )
            self.touched.add(promised.id)
            return promised

    def closed(self, promised: Promised, by: str) -> None:
        with self.lock:
            self.acknowledged += 1
            promised.closed_by = by
            self.touched.add(promised.id)

    def given(self, promised: Promised, to: str) -> None:
        """A reassignment, or the deal of a shuffle, was acknowledged."""
        with self.lock:
            self.acknowledged += 1
            promised.holder = to
            promised.held_before = None
            promised.assigned[to] += 1
            self.touched.add(promised.id)

    def perhaps_given(self, promised: Promised, to: str) -> None:
        """A reassignment was not answered, and may still come to pass."""
        with self.lock:
            promised.maybe.append(to)
            promised.held_before = promised.holder
            self.touched.add(promised.id)

    def role_asked(self, user_id: str, role: str) -> None:
        """From now on it may be this one or what it was."""
        with self.lock:
            self.roles.setdefault(user_id, set()).add(role)

    def role_is(self, user_id: str, role: str, unanswered: bool) -> None:
        """Acknowledged; after an unanswered attempt a late one may still change it back."""
        with self.lock:
            self.acknowledged += 1
            self.roles[user_id] = self.roles[user_id] | {role} if unanswered else {role}

    def day_closed(self, day: str) -> None:
        with self.lock:
            self.acknowledged += 1
            self.closed_days.add(day)

    def problem(self, text: str) -> None:
        with self.lock:
            self.problems.append(text)

    def open_tasks(self) -> dict[str, Promised]:
        with self.lock:
            return {i: p for i, p in self.tasks.items() if p.closed_by is None}

    def take_touched(self) -> set[str]:
        """What was changed since this was asked last."""
        with self.lock:
            touched, self.touched = self.touched, set()
            return touched

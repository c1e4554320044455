"""Bringing threads to a halt between two pieces of their work."""

import threading
from collections import Counter
from collections.abc import Callable, Collection


class Gate:
    """Threads of several kinds pass through it; it may be closed to some kinds, for a reason.

    `threads` are how many of each kind there are.
    """

    def __init__(self, threads: dict[str, int]) -> None:
        self._condition = threading.Condition()
        self._threads = Counter(threads)
        self._standing: Counter[str] = Counter()
        self._closed: dict[str, frozenset[str]] = {}

    def pass_through(self, kind: str, stopped: Callable[[], bool]) -> None:
        """Called by each thread between two pieces of work."""
        with self._condition:
            self._standing[kind] += 1
            self._condition.notify_all()
            while any(kind in kinds for kinds in self._closed.values()) and not stopped():
                self._condition.wait(0.2)
            self._standing[kind] -= 1

    def close(self, reason: str, kinds: Collection[str], seconds: float) -> bool:
        """Halt these kinds until `open(reason)`; says whether all stand still in time."""
        with self._condition:
            self._closed[reason] = frozenset(kinds)
            return self._condition.wait_for(
                lambda: all(self._standing[kind] >= self._threads[kind] for kind in kinds), seconds
            )

    def open(self, reason: str) -> None:
        with self._condition:
            self._closed.pop(reason, None)
            self._condition.notify_all()

    def one_less(self, kind: str) -> None:
        """A thread has ended and will not come any more."""
        with self._condition:
            self._threads[kind] -= 1
            self._condition.notify_all()

"""Several questions asked at the same time, and only as long as a person would wait."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from time import monotonic
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

AT_ONCE = 32


class Asker:
    """Threads for questions whose answers may be long in coming. Thread-safe."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ask")

    def together(
        self, questions: Mapping[K, Callable[[], V]], seconds: float
    ) -> dict[K, V | Exception]:
        """What each gives or raises; TimeoutError for what has not answered by then.

        Each is asked in the context of the caller: his request, his trace.
        """
        until = monotonic() + seconds
        asked = {
            name: self._threads.submit(copy_context().run, question)
            for name, question in questions.items()
        }
        found: dict[K, V | Exception] = {}
        for name, answer in asked.items():
            try:
                found[name] = answer.result(max(until - monotonic(), 0))
            except Exception as failed:  # noqa: BLE001 - each stands for itself
                answer.cancel()
                found[name] = failed
        return found

    def close(self) -> None:
        """Begin nothing new; what is still being asked is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

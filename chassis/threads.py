"""Threads that work for as long as the process: whether they still do, and until when."""

import threading
from collections.abc import Iterable

HEARS_EVERY_SECONDS = 0.5


def wait_for_signal(asked: threading.Event) -> None:
    """Wait, on the main thread, until a signal's handler has set the event.

    The kernel may hand a signal to any thread, and does so right after SIGCONT; Python runs
    the handler on the main one, once that wakes. Waiting without an end it never would.
    """
    while not asked.wait(HEARS_EVERY_SECONDS):
        pass


def ended_by_themselves(
    threads: Iterable[threading.Thread | None], stopped: threading.Event
) -> list[str]:
    """Names of started threads that have ended although nobody stopped them.

    None stands for a thread that was not started.
    """
    if stopped.is_set():
        return []
    return [thread.name for thread in threads if thread is not None and not thread.is_alive()]

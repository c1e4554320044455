"""Waiting for what happens on another thread."""

import time
from collections.abc import Callable

SECONDS = 10.0


def until(done: Callable[[], bool]) -> None:
    """Return as soon as `done()`; fail after ten seconds."""
    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline, f"nothing happened in {SECONDS} seconds"
        time.sleep(0.005)

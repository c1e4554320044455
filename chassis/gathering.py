"""A moment's wait for more work, where there has just been some.

To send one event costs as much as to send ten, and a transaction costs much the same for one
event as for ten. Who has just worked waits for more, less than a person notices; who comes
after a pause waits for nothing.
"""

import threading
import time

GATHER_SECONDS, PAUSE_SECONDS = 0.01, 0.02


class Gathering:
    """How one thread gathers; `stopped` ends the wait."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped
        self._worked_at = 0.0

    def worked(self) -> None:
        """There was work until now."""
        self._worked_at = time.monotonic()

    def wait_for_more(self) -> None:
        """Some work has come: wait for more if it came soon."""
        if time.monotonic() - self._worked_at < PAUSE_SECONDS:
            self._stopped.wait(GATHER_SECONDS)

"""A program that a test started, with all that it starts itself: one process group."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

STOP_SECONDS = 60


class OwnProcess:
    """Signals go to the whole group, as to a container; nobody else is ever in it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def id(self) -> int:
        """The system's number of it and of its group, under which /proc tells of it."""
        return self._process.pid

    @property
    def ended(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """End it as a power cut would."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def pause(self) -> None:
        """Let it stand still, all connections open."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def ask_to_end(self) -> None:
        """SIGTERM to the first process alone: it tells the others."""
        if self.ended is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """The exit code; what does not end in time is killed."""
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        # Who has ended took his children with him.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

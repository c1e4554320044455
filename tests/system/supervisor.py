"""Starts again what dies, as `restart: unless-stopped` does for containers."""

import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import OwnProcess

LOOK_SECONDS = 0.05
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0
# Who has lived this long begins with the first pause again.
SETTLED_SECONDS = 10.0
# Python alone takes seconds to start on a busy machine; before that nobody hears SIGTERM.
STARTING_SECONDS = 30.0


@dataclass
class _Kept:
    command: Sequence[str]
    process: OwnProcess
    started_at: float
    pause: float = FIRST_PAUSE_SECONDS
    killed: bool = False

    def is_starting(self, moment: float) -> bool:
        """Whether it had no time to listen to signals yet."""
        return moment - self.started_at < STARTING_SECONDS


class Supervisor:
    """Processes by name. Nothing is restarted before `watch`. Thread-safe.

    `deaths` are those that nobody asked for: name and exit code.
    """

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.environment = environment
        self.deaths: list[tuple[str, int]] = []
        self._log = log
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def names(self) -> list[str]:
        return list(self._kept)

    @property
    def groups(self) -> list[int]:
        """The process group of each."""
        with self._lock:
            return [kept.process.id for kept in self._kept.values()]

    def id_of(self, name: str) -> int:
        """The system's number of the process that runs under this name now."""
        return self._kept[name].process.id

    def add(self, name: str, command: Sequence[str]) -> None:
        """Start a process, or another one in the place of that name."""
        with self._lock:
            old = self._kept.get(name)
            if old and old.process.ended is None:
                old.process.kill()
            self._kept[name] = _Kept(command, self._run(command), time.monotonic())

    def gone(self) -> list[str]:
        """The processes that do not run now."""
        with self._lock:
            return [name for name, kept in self._kept.items() if kept.process.ended is not None]

    def kill(self, name: str) -> None:
        """`kill -9` of all of it; the watcher starts it again."""
        with self._lock:
            self._kept[name].killed = True
            self._kept[name].process.kill()

    def pause(self, name: str) -> None:
        self._kept[name].process.pause()

    def go_on(self, name: str) -> None:
        self._kept[name].process.go_on()

    def watch(self) -> None:
        """From now on, start again what dies."""
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """Ask all to end, and wait until they have.

        Raises AssertionError, when all are gone, if one that was asked did not end by itself
        and well. Who was killed before, or is only starting, is not asked for that.
        """
        self._stopped.set()
        if self._watcher:
            self._watcher.join()
        asked = {name: kept for name, kept in self._kept.items() if kept.process.ended is None}
        for kept in asked.values():
            kept.process.go_on()
            kept.process.ask_to_end()
        begun = time.monotonic()
        codes = {name: kept.process.wait() for name, kept in asked.items()}
        wrong = {
            name: code
            for name, code in codes.items()
            if code and not (code == -signal.SIGTERM and asked[name].is_starting(begun))
        }
        assert not wrong, f"did not end well when asked to (-9: had to be killed): {wrong}"

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            with self._lock:
                for name, kept in self._kept.items():
                    if kept.process.ended is not None:
                        self._restart(name, kept)

    def _restart(self, name: str, kept: _Kept) -> None:
        lived = time.monotonic() - kept.started_at
        if lived > SETTLED_SECONDS:
            kept.pause = FIRST_PAUSE_SECONDS
        if not kept.killed and kept.process.ended is not None:
            self.deaths.append((name, kept.process.ended))
        kept.killed = False
        self._stopped.wait(kept.pause)
        kept.pause = min(kept.pause * 2, LONGEST_PAUSE_SECONDS)
        kept.process, kept.started_at = self._run(kept.command), time.monotonic()

    def _run(self, command: Sequence[str]) -> OwnProcess:
        return OwnProcess(command, self.environment, self._log)

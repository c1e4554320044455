"""Workers of the mailer as processes: started as an operator does, or forked ready-made.

A fork needs no second for its imports; it runs the same command.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from tests.servers.process import STOP_SECONDS, OwnProcess

ARGUMENTS = ["worker", "mailer"]
WORKER = [sys.executable, "-m", "popug", *ARGUMENTS]


class Worker(Protocol):
    """What a campaign needs of a worker's process."""

    @property
    def ended(self) -> int | None:
        """The exit code, or None while it runs."""

    def kill(self) -> None:
        """End it as a power cut would."""

    def ask_to_end(self) -> None:
        """SIGTERM."""

    def wait(self) -> int:
        """The exit code; what does not end in time is killed."""


Start = Callable[[Mapping[str, str], Path], Worker]


def start_own(environment: Mapping[str, str], log: Path) -> Worker:
    """`popug worker mailer` in a process of its own."""
    return OwnProcess(WORKER, environment, log)


class Forked:
    """The same command in a fork of a process that has loaded all of it."""

    def __init__(
        self,
        environment: Mapping[str, str],
        log: Path,
        command: Callable[[], None] | None = None,
    ) -> None:
        """`command` stands in for the worker's own; it must be a function of a module."""
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload(["popug.cli"])
        arguments = (dict(environment), log, command or run_worker)
        self._process = forks.Process(target=_become, args=arguments)
        self._process.start()

    @property
    def ended(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def ask_to_end(self) -> None:
        if self._process.pid and self.ended is None:
            os.kill(self._process.pid, signal.SIGTERM)

    def wait(self) -> int:
        self._process.join(STOP_SECONDS)
        if self.ended is None:
            self.kill()
        return self.ended or 0


def run_worker() -> None:
    """`popug worker mailer` in this process."""
    from popug.cli import main

    main(ARGUMENTS, prog_name="popug")


def _become(environment: dict[str, str], log: Path, command: Callable[[], None]) -> None:
    """In the fork: nothing of who forked it but the code."""
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    command()

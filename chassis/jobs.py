"""Jobs by the clock: a function of a service that is called again and again.

A job must be idempotent and safe beside another runner of the same job; it says whether
there is more to do at once.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chassis import tracing
from chassis.database import DatabaseAway
from chassis.logs import log
from chassis.metrics import DONE, FAILED
from chassis.threads import ended_by_themselves

if TYPE_CHECKING:
    from chassis.runtime import Runtime


@dataclass(frozen=True)
class Job:
    """`run(runtime)` is called every `every_seconds`, and at once while it returns True.

    A command that has work for the job says `tx.wake(name)`, and it runs after the commit.
    """

    name: str
    run: Callable[["Runtime"], bool]
    every_seconds: float


class JobRunner:
    """One thread per job of one service."""

    def __init__(self, runtime: "Runtime", jobs: Sequence[Job]) -> None:
        self._runtime = runtime
        self._jobs = jobs
        self._stopped = threading.Event()
        self._wakes = {job.name: threading.Event() for job in jobs}
        self._threads: list[threading.Thread] = []
        self._log = log(service=runtime.service.name)

    @property
    def names(self) -> list[str]:
        return [job.name for job in self._jobs]

    def start(self) -> None:
        for job in self._jobs:
            thread = threading.Thread(
                target=self._repeat,
                args=(job,),
                name=f"{self._runtime.service.name}-{job.name}",
                daemon=True,
            )
            thread.start()
            self._threads.append(thread)

    def wake(self, name: str) -> None:
        """Run the job of this name now. Raises KeyError for a name that is no job's."""
        self._wakes[name].set()

    def stop(self) -> None:
        """Let each job finish the piece at hand, then end."""
        self._stopped.set()
        for wake in self._wakes.values():
            wake.set()
        for thread in self._threads:
            thread.join()

    def dead_threads(self) -> list[str]:
        """Jobs' threads that have ended by themselves, by name."""
        return ended_by_themselves(self._threads, self._stopped)

    def run_all(self) -> bool:
        """Run every job on this thread until none has more to do; says whether any had."""
        worked = False
        for job in self._jobs:
            while self._run(job):
                worked = True
        return worked

    def _repeat(self, job: Job) -> None:
        wake = self._wakes[job.name]
        while not self._stopped.is_set():
            wake.clear()
            try:
                with tracing.traced(None):
                    if self._run(job):
                        continue
            except DatabaseAway as away:
                self._log.warning("job waits for the database", job=job.name, error=str(away))
            except Exception:  # noqa: BLE001 - a thread that ends would never run again
                self._log.exception("job failed and will be tried again", job=job.name)
            wake.wait(job.every_seconds)

    def _run(self, job: Job) -> bool:
        metrics, outcome = self._runtime.metrics, FAILED
        try:
            with metrics.job_seconds.labels(job.name).time():
                more = job.run(self._runtime)
            outcome = DONE
        finally:
            metrics.job_runs.labels(job.name, outcome).inc()
        return more

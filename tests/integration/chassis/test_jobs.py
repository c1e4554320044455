"""Jobs by the clock: woken, repeated, and not ended by a failure."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from chassis.database import DatabaseAway, Transaction
from chassis.jobs import Job
from chassis.runtime import Runtime
from tests.integration.chassis import counter
from tests.integration.chassis.waiting import until
from tests.support import Workbench


def _bench(workbench: Callable[..., Workbench], *jobs: Job) -> Workbench:
    return workbench(replace(counter.service, jobs=jobs))


def test_run_all_goes_on_until_no_job_has_more_to_do(workbench: Callable[..., Workbench]) -> None:
    left = {"a": 3, "b": 2}

    def work(name: str) -> Callable[[Runtime], bool]:
        def run(_: Runtime) -> bool:
            if not left[name]:
                return False
            left[name] -= 1
            return True

        return run

    runtime = _bench(workbench, Job("a", work("a"), 60), Job("b", work("b"), 60)).runtime()
    assert runtime.jobs.run_all() is True
    assert left == {"a": 0, "b": 0}
    assert runtime.jobs.run_all() is False


@pytest.mark.parametrize("error", [RuntimeError("broken"), DatabaseAway("gone")])
def test_a_job_that_fails_is_run_again_and_the_other_jobs_go_on(
    error: Exception, workbench: Callable[..., Workbench]
) -> None:
    runs: list[str] = []

    def fail_twice(_: Runtime) -> bool:
        runs.append("failing")
        if runs.count("failing") <= 2:
            raise error
        return False

    def go_on(_: Runtime) -> bool:
        runs.append("other")
        return False

    jobs = Job("failing", fail_twice, 0.01), Job("other", go_on, 0.01)
    runtime = _bench(workbench, *jobs).runtime()
    runtime.start()
    until(lambda: runs.count("failing") >= 4 and runs.count("other") >= 4)
    runtime.stop()
    assert not [t for t in threading.enumerate() if t.name.startswith("counter-")]


def test_a_command_wakes_a_job_after_its_commit(workbench: Callable[..., Workbench]) -> None:
    seen: list[dict[str, int]] = []

    def look(runtime: Runtime) -> bool:
        seen.append(runtime.database.read(counter.numbers))
        return False

    runtime = _bench(workbench, Job("look", look, 3600)).runtime()
    runtime.start()
    until(lambda: len(seen) == 1)

    def work(tx: Transaction) -> None:
        counter.add(tx, "n")
        tx.wake("look")

    runtime.database.run(work)
    until(lambda: len(seen) == 2)
    runtime.stop()
    assert seen == [{}, {"n": 1}]


def test_waking_what_is_no_job_is_a_mistake_that_shows(bench: Workbench) -> None:
    with pytest.raises(KeyError):
        bench.runtime().jobs.wake("nobody")


def test_stopping_lets_a_job_finish_its_piece(workbench: Callable[..., Workbench]) -> None:
    begun, go_on = threading.Event(), threading.Event()
    finished: list[bool] = []

    def slow(_: Runtime) -> bool:
        begun.set()
        go_on.wait(10)
        finished.append(True)
        return True

    runtime = _bench(workbench, Job("slow", slow, 60)).runtime()
    runtime.start()
    assert begun.wait(10)
    stopping = threading.Thread(target=runtime.stop)
    stopping.start()
    go_on.set()
    stopping.join(10)
    assert not stopping.is_alive()
    assert finished
    assert not [t for t in threading.enumerate() if t.name == "counter-slow"]

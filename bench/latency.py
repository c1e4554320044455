"""From the click that closes a task to the balance that the page shows.

Twelve processes behind nginx, or one on SQLite. Some popugs make and close tasks at a rate,
each click at its own time whether or not the one before is answered (so that a slow answer
is not hidden). One more, the probe, closes a task of his own now and then. At last he does
so while the fees of a shuffle are on their way, one task after the other.
"""

import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.clients import Client
from bench.dealing import dealing
from bench.figures import Figure, Report
from bench.probe import TASKS, Probe
from bench.processes import cpu_seconds_of_groups
from tests.system.company import Company
from tests.system.running import RunningPopug
from tests.system.split import SplitPopug

CLIENTS = 8
RATES = (50, 200, 500)
SECONDS, PROBES = 20, 60
IDLE_SECONDS, SETTLE_SECONDS = 60, 5
CANDIDATES, SHUFFLED_TASKS = 1_000, 50_000

AnyPopug = SplitPopug | RunningPopug


def measure(report: Report, runs: int) -> None:
    """At each rate, on servers and in one process; after a minute in which nobody clicked."""
    systems: tuple[tuple[str, Callable[[Path], AnyPopug]], ...] = (
        ("servers", SplitPopug),
        ("one process", RunningPopug),
    )
    for name, make in systems:
        with _running(make) as popug:
            company = Company(popug.url, workers=CLIENTS)
            probe = Probe(company)
            first, idle = zip(
                *(_after_a_pause(probe, popug.groups) for _ in range(runs)), strict=True
            )
            report.add(
                Figure(f"{name}: first click after an idle minute", "ms", first),
                Figure(f"{name}: used of one core while idle", "%", idle),
            )
            for rate in RATES:
                found = [_under_load(company, probe, rate) for _ in range(runs)]
                for figure in ("done a second", "p50", "p99"):
                    unit = "changes/s" if figure == "done a second" else "ms"
                    values = [run[figure] for run in found]
                    report.add(Figure(f"{name}, {rate} changes/s: {figure}", unit, values))
    _behind_a_shuffle(report, runs)


def _behind_a_shuffle(report: Report, runs: int) -> None:
    """A close while all fees of a large shuffle are on their way."""
    with dealing(CANDIDATES) as popug:
        probe = Probe(popug.company)
        popug.have_open(SHUFFLED_TASKS)
        found = []
        for _ in range(runs):
            found.append(_percentiles(probe.as_long_as(popug.press())))
            popug.await_charged()
    for figure in found[0]:
        name = f"servers, while {SHUFFLED_TASKS:,} tasks are shuffled: {figure}"
        report.add(Figure(name, "ms", [run[figure] for run in found]))


def _after_a_pause(probe: Probe, groups: Collection[int]) -> tuple[float, float]:
    """Milliseconds, when nothing has happened for a minute; and % of a core used by then."""
    task = probe.task()
    time.sleep(SETTLE_SECONDS)
    before = cpu_seconds_of_groups(groups)
    time.sleep(IDLE_SECONDS)
    used = 100 * (cpu_seconds_of_groups(groups) - before) / IDLE_SECONDS
    return probe.close(task), used


def _under_load(company: Company, probe: Probe, rate: int) -> dict[str, float]:
    done = itertools.count()
    stopped = threading.Event()
    clients = {id_: Client(person) for id_, person in company.by_id.items()}
    threads = [
        threading.Thread(
            target=_click, args=(clients[worker.id], clients, CLIENTS / rate, stopped, done)
        )
        for worker in company.workers
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    try:
        times = probe.spread(PROBES, SECONDS)
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    return {
        "done a second": next(done) / (time.monotonic() - began),
        **_percentiles(times),
    }


def _percentiles(times: Sequence[float]) -> dict[str, float]:
    return {"p50": statistics.median(times), "p99": statistics.quantiles(times, n=100)[98]}


def _click(
    client: Client,
    clients: Mapping[str, Client],
    pause_seconds: float,
    stopped: threading.Event,
    done: "itertools.count[int]",
) -> None:
    """Make a task and have its holder close it, in turn, each change at its own time."""
    turn = time.monotonic()
    for change in _changes(client, clients):
        turn += pause_seconds
        if stopped.wait(max(0.0, turn - time.monotonic())):
            return
        change()
        next(done)


def _changes(client: Client, clients: Mapping[str, Client]) -> Iterator[Callable[[], Any]]:
    while True:
        made: list[dict[str, Any]] = []
        yield lambda made=made: made.append(client.post(TASKS, title="Sort the seeds"))  # type: ignore[misc]
        task = made[0]
        holder = clients[task["assignee_id"]]
        yield lambda path=f"{TASKS}/{task['id']}/close", by=holder: by.post(path)  # type: ignore[misc]


@contextmanager
def _running(make: Callable[[Path], AnyPopug]) -> Iterator[AnyPopug]:
    """A system with its first admin, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        popug = make(Path(folder))
        popug.start()
        try:
            popug.add_admin()
            yield popug
        finally:
            popug.stop()

"""Shuffles of 1,000 to 100,000 open tasks, and of a million with `--large`.

Two views. *Dealing alone*: the chunks of the job, one after the other, on MariaDB with
nobody beside them; the same work by hand (the limit), and a sample of it one task at a
time (the naive way). Each begins with an empty outbox. *The whole system*: web and worker of
auth, tasks, accounts and analytics behind nginx. A manager presses the button; the clock
runs until he is answered, until the last task is dealt, and until the balances show that
all are charged. Then once more while others click, beside as long a time without.
"""

import statistics
import time
from collections.abc import Callable, Sequence

from bench import open_tasks
from bench.by_hand import shuffle as by_hand
from bench.dealing import Dealing, dealing
from bench.figures import Figure, Report
from bench.others import Others
from bench.servers import Place, place
from chassis.ids import new_id
from tasks import commands
from tasks.candidates import CHANCE
from tests import mariadb

SIZES, LARGE = (1_000, 10_000, 100_000), 1_000_000
NAIVE_TASKS = 300
CANDIDATES = 1_000
BESIDE_TASKS, BESIDE_SECONDS = 100_000, 20


def measure(report: Report, runs: int) -> None:
    """Dealing alone, then the whole system."""
    sizes = (*SIZES, LARGE) if report.large else SIZES
    with place() as at:
        for size in sizes:
            _alone(report, at, size, runs)
    with dealing(CANDIDATES) as popug:
        popug.shuffle(popug.have_open(SIZES[0]))  # everybody has his account, all is loaded
        for size in sizes:
            _whole(report, popug, size, runs)
            if size == BESIDE_TASKS:
                _beside(report, popug, runs)


def _alone(report: Report, at: Place, size: int, runs: int) -> None:
    people = [new_id() for _ in range(CANDIDATES)]
    schema = at.schemas["tasks"]
    open_tasks.top_up(schema, size, people)
    ways: dict[str, tuple[int, Callable[[], object]]] = {
        "Popug": (size, lambda: _deal(at, people)),
        "by hand": (size, lambda: _deal_by_hand(schema, people, "chunks", size)),
        "naive": (NAIVE_TASKS, lambda: _deal_by_hand(schema, people, "naive", NAIVE_TASKS)),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, (tasks, way) in ways.items():
            open_tasks.forget_shuffles(schema)
            began = time.monotonic()
            way()
            found[name].append(tasks / (time.monotonic() - began))
            assert at.count("tasks", "outbox") == tasks
    ours, limit, naive = (
        Figure(f"{name}, {size:,} tasks dealt alone", "tasks/s", values)
        for name, values in found.items()
    )
    report.add(ours, limit, ours.over(limit, f"of the limit, {size:,} tasks"))
    report.add(naive, ours.over(naive, f"of the naive way, {size:,} tasks"))


def _deal(at: Place, people: Sequence[str]) -> None:
    database = at.databases["tasks"]
    database.run(commands.start_shuffle, people[0], people)
    while database.run(commands.deal_chunk, people, CHANCE):
        pass


def _deal_by_hand(schema: str, people: Sequence[str], mode: str, most: int) -> None:
    connection = by_hand.prepare(mariadb.connect(), schema)
    try:
        assert by_hand.deal(connection, people, mode, most) == most
    finally:
        connection.close()


def _whole(report: Report, popug: Dealing, size: int, runs: int) -> None:
    """From the button to the last charge."""
    size = popug.have_open(size)
    found = [popug.shuffle(size) for _ in range(runs)]
    for figure, unit in found[0]:
        report.add(Figure(f"{figure}, {size:,} tasks", unit, [run[figure, unit] for run in found]))


def _beside(report: Report, popug: Dealing, runs: int) -> None:
    """What others feel: as long a time without a shuffle first, then with one."""
    quiet, busy = [], []
    for _ in range(runs):
        with Others(popug.company) as others:
            time.sleep(BESIDE_SECONDS)
        quiet.append(others.milliseconds())
        popug.await_charged()
        with Others(popug.company) as others:
            popug.deal()
        busy.append(others.milliseconds())
        popug.await_charged()
    for kind in quiet[0]:
        for name, share in (("p50", 50), ("p99", 99)):
            without, beside = (
                Figure(
                    f"{kind}, {name} {when}", "ms", [_percentile(run[kind], share) for run in all_]
                )
                for when, all_ in (("without a shuffle", quiet), ("during one", busy))
            )
            report.add(
                without, beside, beside.over(without, f"{kind}, {name}: during one to without")
            )


def _percentile(values: Sequence[float], share: int) -> float:
    return statistics.quantiles(values, n=100)[share - 1]

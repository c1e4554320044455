"""Many points on several processes at once, with the progress on standard error."""

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.sweep.lines import Place, Point
from tests.sweep.modules import unnamed

SHARE = 25
SHOWN = 20
TELL_SECONDS = 10

# How far the points are thinned: every visit, every way to a line once, or every line once.
VISITS, WAYS, LINES = "visits", "ways", "lines"
MEANS = {VISITS: "each visit", WAYS: "each way to a line once", LINES: "each line once"}


@dataclass(frozen=True)
class Plan:
    """How far to thin, how many at once; and, if not everything, of which steps and modules.

    `modules` are beginnings of names. `stop_when_found`: one finding is enough.
    """

    each: str = VISITS
    workers: int = 2
    steps: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    stop_when_found: bool = False
    rehearse_only: bool = False

    def has_step(self, name: str) -> bool:
        return not self.steps or name in self.steps

    def has_place(self, place: Place) -> bool:
        return not self.modules or place.way[-1].startswith(self.modules)


@dataclass(frozen=True)
class Task:
    """One point of one step of a sweep."""

    step: int
    point: Point


# What a place says that came up at the rehearsal only: threads do not meet twice alike.
UNREACHED = "not reached"


@dataclass
class Result:
    """What a sweep has found of the places of each step."""

    name: str
    plan: Plan
    steps: Sequence[str]
    visits: Sequence[tuple[int, Mapping[Place, int]]]
    wrong: list[str] = field(default_factory=list)
    done: int = 0
    unreached: int = 0

    def points(self) -> list[Task]:
        """The points to try, as far as the plan leaves them."""
        tasks: list[Task] = []
        lines: set[str] = set()
        for step, visits in self.visits:
            for place, count in sorted(visits.items()):
                if self.plan.each == LINES and place.file_and_line in lines:
                    continue
                lines.add(place.file_and_line)
                most = count if self.plan.each == VISITS else 1
                tasks += [Task(step, Point(place, visit)) for visit in range(1, most + 1)]
        return tasks

    def __str__(self) -> str:
        executed = sum(sum(visits.values()) for _, visits in self.visits)
        places = sum(len(visits) for _, visits in self.visits)
        lines = {place.file_and_line for _, visits in self.visits for place in visits}
        modules = {line.partition(":")[0] for line in lines}
        unreached = f", {self.unreached} not reached again" if self.unreached else ""
        held = f"{len(self.wrong)} BROKEN" if self.wrong else "all held"
        tried = self.done
        if self.plan.rehearse_only:
            tried, held = len(self.points()), "none tried"
        return (
            f"{self.name}: {tried} points{unreached}, {len(lines)} distinct lines of "
            f"{len(modules)} modules, {held} ({MEANS[self.plan.each]}; {places} ways to a line, "
            f"{executed} lines executed)"
        )


def kept(
    story: Sequence[tuple[str, int, Mapping[Place, int], Iterable[str]]],
    plan: Plan,
) -> list[tuple[int, Mapping[Place, int]]]:
    """The places of each (name, number, visits, modules) that are swept by the plan.

    A module that ran and of which nobody has said whether it is swept fails the sweep.
    """
    strange = unnamed({module for _, _, _, modules in story for module in modules})
    assert not strange, f"neither swept nor named in modules.py: {sorted(strange)}"
    return [
        (number, {place: count for place, count in visits.items() if plan.has_place(place)})
        for name, number, visits, _ in story
        if plan.has_step(name)
    ]


def sweep(
    result: Result,
    begin: Callable[[int], Any],
    try_points: Callable[[Sequence[Task]], list[list[str]]],
) -> Result:
    """Try all points of the result on forked workers, in shares; fills in what is wrong.

    `begin(number)` is called in each worker first; both functions must be of a module.
    """
    if result.plan.rehearse_only:
        return result
    counter = multiprocessing.get_context("fork").Value("i", 0)
    with ProcessPoolExecutor(
        result.plan.workers, multiprocessing.get_context("fork"), _begin, (counter, begin)
    ) as pool:
        try:
            _collect(result, pool, try_points)
        finally:
            # Found, or asked to end: what has not begun is not wanted any more.
            pool.shutdown(cancel_futures=True)
    return result


def _collect(
    result: Result,
    pool: ProcessPoolExecutor,
    try_points: Callable[[Sequence[Task]], list[list[str]]],
) -> None:
    told = time.monotonic()
    shares = _shares(result.points())
    total = sum(len(share) for share in shares)
    for share, findings in zip(shares, pool.map(try_points, shares), strict=True):
        for task, wrong in zip(share, findings, strict=True):
            result.done += 1
            result.unreached += UNREACHED in wrong
            result.wrong += [
                f"{result.steps[task.step]}, {task.point}: {what}"
                for what in wrong
                if what != UNREACHED
            ]
        if time.monotonic() - told > TELL_SECONDS:
            told = time.monotonic()
            print(f"{result.done} of {total} points", file=sys.stderr)
        if result.wrong and result.plan.stop_when_found:
            return


def _begin(counter: Any, begin: Callable[[int], Any]) -> None:
    with counter.get_lock():
        counter.value += 1
        number = counter.value
    begin(number)


def _shares(points: Sequence[Task]) -> list[Sequence[Task]]:
    return [points[start : start + SHARE] for start in range(0, len(points), SHARE)]

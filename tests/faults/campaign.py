"""A campaign: faults one after the other on one system under load, each healed and checked."""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from tests.faults.arena import Arena
from tests.faults.journal import BrokenPromise
from tests.faults.strikes import FAULTS, Blow, Strike


@dataclass(frozen=True)
class Survived:
    """One fault: seconds from its end until nothing was on its way any more, and the load.

    `acknowledged` changes and `retries` are from the end of the fault before to then;
    `rate` is in changes a second while people worked, the fault included.
    """

    fault: str
    heal_seconds: float
    acknowledged: int
    retries: int
    rate: float


def run(
    arena: Arena,
    faults: Iterable[str],
    chance: Random,
    most_seconds: float,
    say: Callable[[str], None] = lambda _line: None,
) -> list[Survived]:
    """Strike with each of these faults. Raises BrokenPromise that names the fault."""
    survived = []
    for fault in faults:
        try:
            survived.append(survive(arena, fault, FAULTS[fault], chance, most_seconds))
        except BrokenPromise as broken:
            raise BrokenPromise(f"after {fault}: {broken}") from broken
        say(
            f"{fault}: answered after {arena.answered_seconds:.1f} s, "
            f"healed in {survived[-1].heal_seconds:.1f} s"
        )
    arena.settle()
    arena.check_all()
    return survived


def survive(
    arena: Arena, fault: str, strike: Strike, chance: Random, most_seconds: float
) -> Survived:
    """One fault under load, its healing, and what is cheap to check. Raises BrokenPromise."""
    journal = arena.journal
    begun, acknowledged, retries = time.monotonic(), journal.acknowledged, journal.retries
    arena.load.go_on()
    time.sleep(chance.uniform(0.5, 2.0))  # the load runs undisturbed
    strike(Blow(arena, chance, most_seconds))
    rate = (journal.acknowledged - acknowledged) / (time.monotonic() - begun)
    heal_seconds = arena.settle()
    arena.check()
    return Survived(
        fault,
        heal_seconds,
        journal.acknowledged - acknowledged,
        journal.retries - retries,
        rate,
    )


def table(survived: Sequence[Survived]) -> str:
    """A row per fault, as Markdown."""
    by_fault: dict[str, list[Survived]] = defaultdict(list)
    for each in survived:
        by_fault[each.fault].append(each)
    lines = [
        "| fault | times | healed in s: min | median | max | changes acknowledged "
        "| a second: median | asked again |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for fault in FAULTS:
        rows = by_fault.get(fault)
        if rows:
            heals = [row.heal_seconds for row in rows]
            lines.append(
                f"| {fault} | {len(rows)} | {min(heals):.1f} | {statistics.median(heals):.1f} "
                f"| {max(heals):.1f} | {sum(r.acknowledged for r in rows):,} "
                f"| {statistics.median(r.rate for r in rows):.0f} "
                f"| {sum(r.retries for r in rows):,} |"
            )
    return "\n".join(lines)

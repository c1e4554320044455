"""`make faults`: every fault many times with a table at the end, then the outage and the poison."""

import argparse
import logging
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from chassis import logs
from tests.faults import campaign, outage, poison
from tests.faults.arena import Arena, arena, why_not
from tests.faults.journal import BrokenPromise
from tests.faults.strikes import FAULTS

TIMES = 20
MOST_SECONDS = 30.0
DOWN_SECONDS = 180.0
MESSAGES = 10_000
# A fresh system now and then: what a fault leaves behind may only show when it starts.
FAULTS_PER_SYSTEM = 40

# On a system of their own, and without the load: they bring their own.
TRIALS: dict[str, Callable[[Arena, argparse.Namespace], None]] = {
    "outage": lambda ring, options: outage.live_through(ring, options.down_seconds, _say),
    "poison": lambda ring, options: poison.live_through(
        ring, options.messages, Random(options.seed), _say
    ),
}


def main() -> int:
    options = _options()
    chosen = [name for name in (*FAULTS, *TRIALS) if _is_meant(name, options.faults)]
    if options.list or not chosen:
        print("\n".join((*FAULTS, *TRIALS)))
        return 0 if options.list else 2
    missing = why_not()
    if missing:
        print(missing, file=sys.stderr)
        return 1
    logs.configure("CRITICAL", "text")
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # a server that starts is no news
    _say(f"seed {options.seed}")
    try:
        _strike([name for name in chosen if name in FAULTS], options)
        for name in chosen:
            if name in TRIALS:
                with _system(seed=None) as ring:
                    TRIALS[name](ring, options)
    except BrokenPromise as broken:
        _say(f"BROKEN: {broken}")
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES, help="how often each fault")
    parser.add_argument("--most-seconds", type=float, default=MOST_SECONDS, help="of one fault")
    parser.add_argument("--down-seconds", type=float, default=DOWN_SECONDS, help="of the outage")
    parser.add_argument("--messages", type=int, default=MESSAGES, help="of the poison")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--after", type=int, default=0, help="go on after so many of a seed's")
    parser.add_argument("--list", action="store_true", help="name the faults and end")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="a part of its name")
    return parser.parse_args()


def _is_meant(name: str, wanted: Sequence[str]) -> bool:
    return not wanted or any(part in name for part in wanted)


def _say(line: str) -> None:
    print(line, flush=True)


def _strike(faults: Sequence[str], options: argparse.Namespace) -> None:
    """Each fault as often as is wanted, in an order by chance, on a few systems."""
    chance = Random(options.seed)
    left = list(faults) * options.times
    chance.shuffle(left)
    survived: list[campaign.Survived] = []
    total, done, begun = len(left), options.after, time.monotonic()
    left = left[options.after :]

    def count(line: str) -> None:
        nonlocal done
        done += 1
        _say(f"[{time.monotonic() - begun:5.0f} s, {done}/{total}] {line}")

    while left:
        part, left = left[:FAULTS_PER_SYSTEM], left[FAULTS_PER_SYSTEM:]
        with _system(options.seed + len(left)) as ring:
            survived += campaign.run(ring, part, chance, options.most_seconds, count)
            _say(f"all is right; answers: {dict(sorted(ring.journal.statuses.items()))}")
        _say(campaign.table(survived))


@contextmanager
def _system(seed: int | None) -> Iterator[Arena]:
    """A system of its own; its folder stays, with the logs, when a promise was broken."""
    folder = Path(tempfile.mkdtemp(prefix="popug-faults-"))
    try:
        with arena(folder, seed) as ring:
            yield ring
    except BrokenPromise:
        _say(f"the logs are in {folder}")
        raise
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())

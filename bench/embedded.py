"""Events a second in one process: SQLite, the in-process broker, accounts and analytics.

EVENTS assignments wait in the outbox of tasks; the clock runs while its relay sends them,
which returns when every subscriber has committed.
"""

import tempfile
import time
from pathlib import Path

from bench.figures import Figure, Report
from bench.pipeline import PER_TRANSACTION, emit
from chassis.ids import new_id
from chassis.settings import load_settings
from chassis.system import Embedded
from popug.system import system

EVENTS = 10_000
ACCOUNTS = 1_000


def measure(report: Report, runs: int) -> None:
    """Popug as `popug run` has it."""
    report.add(Figure("one process, 1,000 accounts", "events/s", [_once() for _ in range(runs)]))


def _once() -> float:
    users = [new_id() for _ in range(ACCOUNTS)]
    with tempfile.TemporaryDirectory() as folder:
        popug = Embedded(system, load_settings({}, data=Path(folder)))
        tasks = popug.runtimes["tasks"]
        for start in range(0, EVENTS, PER_TRANSACTION):
            chosen = [users[n * 7_919 % ACCOUNTS] for n in range(start, start + PER_TRANSACTION)]
            tasks.database.run_idempotent(emit, chosen)
        began = time.monotonic()
        assert tasks.relay.send_waiting() == EVENTS
        seconds = time.monotonic() - began
        popug.close()
    return EVENTS / seconds

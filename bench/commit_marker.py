"""What the mark of each change costs: the same change with and without, side by side.

    .venv/bin/python bench/commit_marker.py [ROUNDS]

On the MariaDB or MySQL server of TEST_MARIADB (default 127.0.0.1:3306), in a database of its
own. A change writes a row and an event: two statements and a COMMIT, so that the mark weighs
as much as it ever does. Rounds of both kinds alternate; the ratio is that of the medians.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests import mariadb
from tests.integration.chassis import counter
from tests.support import Workbench

CHANGES = 200


def seconds(run: Callable[..., object], prefix: str) -> float:
    """How long CHANGES take, one after the other."""
    began = time.perf_counter()
    for number in range(CHANGES):
        run(counter.add_and_say, f"{prefix}-{number}")
    return time.perf_counter() - began


def measure(rounds: int) -> None:
    """Print the two medians and their ratio."""
    with tempfile.TemporaryDirectory() as folder, mariadb.fresh_databases(["counter"]) as url:
        bench = Workbench(Path(folder), counter.service, database_url=url)
        database = bench.runtime().database
        seconds(database.run, "warm")
        without, with_mark = [], []
        for number in range(rounds):
            without.append(seconds(database.run_idempotent, f"a{number}"))
            with_mark.append(seconds(database.run, f"b{number}"))
        bench.close()
    for name, all_rounds in (("without the mark", without), ("with the mark", with_mark)):
        each = sorted(1000 * s / CHANGES for s in all_rounds)
        middle = statistics.median(each)
        print(f"{name:18} {middle:6.2f} ms a change ({each[0]:.2f} to {each[-1]:.2f})")
    ratio = statistics.median(with_mark) / statistics.median(without)
    print(f"ratio              {ratio:6.2f}")


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 9)

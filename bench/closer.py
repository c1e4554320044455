"""Close a business day as Popug does: `python -m bench.closer 2026-03-10`.

Closes it in the database of accounts that POPUG_DATABASE_URL names, as `popug close-day` does,
and prints one line of JSON: `seconds` it took, and by how much (`megabytes`) the memory of this
process has grown at its peak over what it held, connected, before.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from accounts import closing
from accounts.calendar_rules import THE_COMMAND_LINE
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.settings import load_settings

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_THE_PEAK = "5"


def measured(close: Callable[[], None]) -> str:
    """What it took to close, as the line of JSON."""
    RESET.write_text(RESET_THE_PEAK)
    before = _kilobytes("VmRSS")
    began = time.monotonic()
    close()
    seconds = time.monotonic() - began
    return json.dumps({"seconds": seconds, "megabytes": (_kilobytes("VmHWM") - before) / 1_024})


def _kilobytes(name: str) -> int:
    line = next(each for each in STATUS.read_text().splitlines() if each.startswith(name))
    return int(line.split()[1])


def main(day: str) -> None:
    """Close the day, and say what it took."""
    settings = load_settings({})
    url = os.environ["POPUG_DATABASE_URL"].format(service="accounts")
    database = Database(url, SystemClock(), settings, "/popug/accounts")
    with database.reading():
        pass  # connected, as it would be before its clock strikes

    def close() -> None:
        closing.close_day(database, date.fromisoformat(day), THE_COMMAND_LINE)

    print(measured(close))
    database.dispose()


if __name__ == "__main__":
    main(sys.argv[1])

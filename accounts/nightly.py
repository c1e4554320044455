"""The nightly cron: closes every day that is over, shortly after the company's midnight.

The worker's job does the same within a minute; this stands beside it, so that the popugs are
paid also on a night on which no worker runs. Both may work at once: a day is closed once.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from accounts import closing
from chassis.clock import business_day
from chassis.database import DatabaseAway
from chassis.runtime import Runtime

# Short beside a night, so that a clock that is set, or a machine that slept, is noticed.
LOOK_SECONDS = 20.0


def next_run(now: datetime, zone: ZoneInfo, after_midnight: timedelta) -> datetime:
    """The first moment after `now` that is `after_midnight` past a midnight in `zone`.

    Where the clocks skip midnight, it counts from the moment at which they do.
    """
    today = business_day(now, zone)
    for ahead in (0, 1):
        day = today + timedelta(days=ahead)
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        moment = midnight.astimezone(now.tzinfo) + after_midnight
        if moment > now:
            return moment
    raise AssertionError("unreachable: tomorrow's is later than now")


class Nightly:
    """Closes at once what is over, then again after each midnight, until it is stopped."""

    def __init__(
        self,
        runtime: Runtime,
        after_midnight: timedelta,
        alive: Path | None = None,
        look_seconds: float = LOOK_SECONDS,
        waiting: Callable[[datetime], None] = lambda _moment: None,
    ) -> None:
        """`alive` is a file that is touched at every look that went well; `waiting` is told
        of each moment that is waited for.
        """
        self.stopped = threading.Event()
        self._runtime = runtime
        self._after_midnight = after_midnight
        self._alive = alive
        self._look_seconds = look_seconds
        self._waiting = waiting

    def run(self) -> None:
        """Work until `stopped` is set. A database that is away is asked again."""
        due: datetime | None = None
        while not self.stopped.is_set():
            now = self._runtime.clock.now()
            if (due is None or now >= due) and not self._close(now):
                self.stopped.wait(self._look_seconds)
                continue
            coming = next_run(now, self._runtime.settings.zone, self._after_midnight)
            if coming != due:  # also when the clock was set back
                due = coming
                self._waiting(due)
            self._touch()
            self.stopped.wait(min(self._look_seconds, (due - now).total_seconds()))

    def _close(self, now: datetime) -> bool:
        """Close every day that is over at `now`; False if some are left."""
        try:
            while closing.close_finished_days(self._runtime.database):
                if self.stopped.is_set():
                    return False  # each step was a commit; the next start goes on here
        except DatabaseAway as away:
            self._runtime.log.warning("the nightly run waits for the database", error=str(away))
            return False
        self._runtime.log.info("every day that is over is closed", asked_at=now.isoformat())
        return True

    def _touch(self) -> None:
        if self._alive:
            self._alive.touch()

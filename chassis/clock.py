"""Where the time comes from: the only module that may ask the machine."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the present moment, aware and in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class MovingClock:
    """A clock that stands where it is put: for demonstrations and tests.

    It never goes backwards by `advance`; `put` may do so on purpose, for tests of a
    clock that was set back.
    """

    def __init__(self, start: datetime) -> None:
        self._lock = threading.Lock()
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def put(self, moment: datetime) -> None:
        with self._lock:
            self._now = moment.astimezone(UTC)

    def advance(self, **delta: float) -> None:
        """Move on by `timedelta(**delta)`: `advance(minutes=5)`."""
        with self._lock:
            self._now += timedelta(**delta)


def business_day(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day of `moment` in the company's time zone."""
    return moment.astimezone(zone).date()

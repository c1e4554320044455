"""The nightly cron, on a clock that the test moves."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from accounts.nightly import Nightly, next_run
from chassis.database import Database, DatabaseAway
from tests.integration.accounts.desk import at, closed, payouts, recorded
from tests.support import Workbench
from tests.waiting import wait_for, wait_until_equal

FIVE = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("UTC", "2026-03-10T12:00+00:00", "2026-03-11T00:05+00:00"),
        ("UTC", "2026-03-10T00:04+00:00", "2026-03-10T00:05+00:00"),
        ("UTC", "2026-03-10T00:05+00:00", "2026-03-11T00:05+00:00"),
        ("Europe/Moscow", "2026-03-10T22:00+00:00", "2026-03-11T21:05+00:00"),
        ("UTC", "2028-02-28T12:00+00:00", "2028-02-29T00:05+00:00"),
        # The clocks go on in Berlin on the 29th, and back in the autumn.
        ("Europe/Berlin", "2026-03-28T23:30+00:00", "2026-03-29T22:05+00:00"),
        ("Europe/Berlin", "2026-10-24T22:30+00:00", "2026-10-25T23:05+00:00"),
        # In Cairo the clocks go from 24 April 00:00 straight to 01:00.
        ("Africa/Cairo", "2026-04-23T12:00+00:00", "2026-04-23T22:05+00:00"),
    ],
)
def test_the_next_run_is_five_minutes_past_the_companys_midnight(
    zone: str, now: str, expected: str
) -> None:
    moment = next_run(datetime.fromisoformat(now), ZoneInfo(zone), FIVE)
    assert moment == datetime.fromisoformat(expected)


@contextmanager
def _at_work(bench: Workbench, alive: Path | None = None) -> Iterator[list[datetime]]:
    """A cron at work; gives the moments that it has waited for."""
    moments: list[datetime] = []
    nightly = Nightly(bench.runtime(), FIVE, alive, look_seconds=0.01, waiting=moments.append)
    thread = threading.Thread(target=nightly.run)
    thread.start()
    try:
        yield moments
    finally:
        nightly.stopped.set()
        thread.join(10)
        assert not thread.is_alive()


def _days(database: Database) -> Callable[[], dict[date, str]]:
    return lambda: {day: row[0] for day, row in recorded(database).items()}


def test_each_night_is_closed_shortly_after_midnight_and_not_before(
    bench: Workbench, database: Database
) -> None:
    bench.hear(closed("t1", "ann", 3000, at(10)))
    with _at_work(bench) as moments:
        wait_until_equal(lambda: moments[:], [at(11, 0, 5)], "the first wait")
        bench.clock.put(at(11, 0, 4))
        assert recorded(database) == {}
        bench.clock.put(at(11, 0, 6))
        wait_until_equal(_days(database), {date(2026, 3, 10): "closed"}, "the first night")
        bench.hear(closed("t2", "ann", 2500, at(11)))
        wait_until_equal(lambda: moments[:], [at(11, 0, 5), at(12, 0, 5)], "the second wait")
        bench.clock.put(at(12, 0, 5))
        both = {date(2026, 3, day): "closed" for day in (10, 11)}
        wait_until_equal(_days(database), both, "the second night")
    assert payouts(database) == {
        ("ann", date(2026, 3, 10), 3000),
        ("ann", date(2026, 3, 11), 2500),
    }


def test_nights_that_were_missed_are_caught_up_at_the_start(
    bench: Workbench, database: Database
) -> None:
    bench.hear(closed("t1", "ann", 3000, at(7)), closed("t2", "ann", 2000, at(8)))
    with _at_work(bench):
        closed_days = {date(2026, 3, day): "closed" for day in (7, 8, 9)}
        wait_until_equal(_days(database), closed_days, "the missed nights")
    assert payouts(database) == {
        ("ann", date(2026, 3, 7), 3000),
        ("ann", date(2026, 3, 8), 2000),
    }


def test_a_clock_that_is_set_back_is_followed(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 3000, at(10)))
    with _at_work(bench) as moments:
        wait_until_equal(lambda: moments[:], [at(11, 0, 5)], "the first wait")
        bench.clock.put(at(8))
        wait_until_equal(lambda: moments[-1], at(9, 0, 5), "the wait after it was set back")
        bench.clock.put(at(10, 13))
        wait_until_equal(lambda: moments[-1], at(11, 0, 5), "the wait after it was set right")


def test_a_database_that_is_away_is_waited_for_and_no_sign_of_life_is_given(
    bench: Workbench, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bench.hear(closed("t1", "ann", 3000, at(9)))
    tried = threading.Event()
    read = database.read

    def away(*_: object) -> None:
        tried.set()
        raise DatabaseAway("gone")

    monkeypatch.setattr(database, "read", away)
    alive = tmp_path / "alive"
    with _at_work(bench, alive):
        assert tried.wait(10)
        tried.clear()
        assert tried.wait(10), "it must try again"
        assert not alive.exists()
        monkeypatch.setattr(database, "read", read)
        wait_for(alive.exists, "the sign of life")
    assert payouts(database) == {("ann", date(2026, 3, 9), 3000)}


def test_the_command_says_when_it_will_run_and_ends_at_once_on_sigterm(tmp_path: Path) -> None:
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("POPUG_")},
        "POPUG_DATA": str(tmp_path / "data"),
        "POPUG_TIMEZONE": "Europe/Moscow",
    }
    alive = tmp_path / "alive"
    command = [sys.executable, "-m", "popug", "cron", "--minutes", "7", "--alive", str(alive)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = process.stdout.readline()
        moment = datetime.fromisoformat(said.split()[-1])
        assert (moment.hour, moment.minute, moment.utcoffset()) == (0, 7, timedelta(hours=3))
        assert moment > datetime.now(UTC)
        wait_for(alive.exists, "the sign of life")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0

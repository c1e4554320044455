"""Four runs at once over days that calendars and clocks bend: one payout per popug and day.

On SQLite and, where there is a server, on MariaDB or MySQL.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta

import pytest

from accounts import checks, closing, service
from chassis.database import Database
from tests import mariadb
from tests.integration.accounts.desk import assigned, closed, payouts, recorded
from tests.support import Workbench

RUNS = 4
POPUGS = 7


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "ACCOUNTS_AT_ONCE", 3)


@pytest.fixture(params=["sqlite", "mariadb"])
def in_zone(
    request: pytest.FixtureRequest, workbench: Callable[..., Workbench]
) -> Iterator[Callable[[str], Workbench]]:
    """Makes a workbench of accounts in a company's time zone, on either engine."""
    with ExitStack() as stack:
        settings: Mapping[str, str] = {}
        if request.param == "mariadb":
            if not mariadb.reachable():
                pytest.skip("no MariaDB or MySQL server")
            url = stack.enter_context(mariadb.fresh_databases(["accounts"]))
            settings = {"database_url": url}
        yield lambda zone: workbench(service, timezone=zone, **settings)


def close_what_is_over(bench: Workbench) -> None:
    """As four processes do it that wake at the same moment, with no lock in common."""
    own = bench.runtime().database
    runs = [Database(own.url, own.clock, own.settings, own.source) for _ in range(RUNS)]

    def run(database: Database) -> None:
        while closing.close_finished_days(database):
            pass

    with ThreadPoolExecutor(RUNS) as pool:
        list(pool.map(run, runs))
    for database in runs:
        database.dispose()


def work(bench: Workbench, name: str, moments: list[datetime]) -> None:
    """At each moment each popug but one earns 100 and his number, and that one owes more."""
    for number, moment in enumerate(moments):
        bench.hear(
            *[closed(f"{name}-{number}-{n}", f"u{n}", 100 + n, moment) for n in range(POPUGS - 1)],
            assigned(f"{name}-{number}", f"u{POPUGS - 1}", 50, moment),
        )


def due(day: date, times: int = 1) -> set[tuple[str, date, int]]:
    """What a day pays on which everybody earned so many times."""
    return {(f"u{n}", day, times * (100 + n)) for n in range(POPUGS - 1)}


def assert_paid(bench: Workbench, *expected: set[tuple[str, date, int]]) -> None:
    """Exactly these payouts are booked, and each was told of once."""
    database = bench.runtime().database
    wanted = set().union(*expected)
    assert payouts(database) == wanted
    told = [(event.user_id, event.date, event.amount) for event in bench.emitted()]
    assert sorted(told) == sorted(wanted)
    assert [check for check in database.read(checks.run) if not check.ok] == []


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "first", "last"),
    [
        # A day of 23 hours, one of 25, one that begins at 01:00, one of 24.5, a leap day.
        ("America/New_York", date(2026, 3, 8), "2026-03-08T05:00", "2026-03-09T03:59"),
        ("America/New_York", date(2026, 11, 1), "2026-11-01T04:00", "2026-11-02T04:59"),
        ("Africa/Cairo", date(2026, 4, 24), "2026-04-23T22:00", "2026-04-24T20:59"),
        ("Australia/Lord_Howe", date(2026, 4, 5), "2026-04-04T13:00", "2026-04-05T13:29"),
        ("Europe/Moscow", date(2028, 2, 29), "2028-02-28T21:00", "2028-02-29T20:59"),
    ],
)
def test_a_day_of_any_length_is_paid_once_by_four_runs_at_once(
    in_zone: Callable[[str], Workbench], zone: str, day: date, first: str, last: str
) -> None:
    bench = in_zone(zone)
    bench.clock.put(utc(first) - timedelta(minutes=1))
    work(bench, "before", [bench.clock.now()])
    bench.clock.put(utc(last))
    work(bench, "in", [utc(first), utc(last)])
    close_what_is_over(bench)
    assert_paid(bench, due(day - timedelta(days=1)))
    bench.clock.put(utc(last) + timedelta(minutes=1))
    work(bench, "after", [bench.clock.now()])
    close_what_is_over(bench)
    close_what_is_over(bench)
    assert_paid(bench, due(day - timedelta(days=1)), due(day, times=2))


def test_missed_nights_around_a_leap_day_are_caught_up_once_by_four_runs(
    in_zone: Callable[[str], Workbench],
) -> None:
    bench = in_zone("Europe/Berlin")
    days = [date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)]
    bench.clock.put(utc("2028-03-02T12:00"))
    for day in days:
        work(bench, str(day), [datetime(day.year, day.month, day.day, 12, tzinfo=UTC)])
    close_what_is_over(bench)
    assert_paid(bench, *(due(day) for day in days))
    assert [row[0] for row in recorded(bench.runtime().database).values()] == ["closed"] * 3


def test_a_clock_that_is_set_back_pays_no_day_again_and_loses_nothing(
    in_zone: Callable[[str], Workbench],
) -> None:
    bench = in_zone("UTC")
    friday, saturday, sunday = (date(2026, 3, day) for day in (13, 14, 15))
    bench.clock.put(utc("2026-03-13T12:00"))
    work(bench, "friday", [bench.clock.now()])
    bench.clock.put(utc("2026-03-14T00:01"))
    close_what_is_over(bench)
    bench.clock.put(utc("2026-03-12T23:00"))  # two days back
    work(bench, "set-back", [bench.clock.now()])
    close_what_is_over(bench)
    bench.clock.put(utc("2026-03-13T00:05"))  # that night comes again
    close_what_is_over(bench)
    assert_paid(bench, due(friday))
    bench.clock.put(utc("2026-03-14T12:00"))
    work(bench, "saturday", [bench.clock.now()])
    bench.clock.put(utc("2026-03-15T00:01"))
    close_what_is_over(bench)
    assert_paid(bench, due(friday), due(saturday, times=2))
    bench.clock.put(utc("2026-03-16T00:01"))
    close_what_is_over(bench)
    assert_paid(bench, due(friday), due(saturday, times=2))
    assert recorded(bench.runtime().database)[sunday][0] == "closed"


def test_four_runs_whose_clocks_disagree_pay_each_day_once(
    in_zone: Callable[[str], Workbench],
) -> None:
    """Two machines are a day ahead: they close a day more, and the others close none again."""
    bench = in_zone("UTC")
    days = [date(2026, 3, 9), date(2026, 3, 10)]
    for day in days:
        work(bench, str(day), [datetime(day.year, day.month, day.day, 11, tzinfo=UTC)])
    own = bench.runtime().database
    clocks = [type(bench.clock)(bench.clock.now() + timedelta(days=n % 2)) for n in range(RUNS)]
    runs = [Database(own.url, clock, own.settings, own.source) for clock in clocks]

    def run(database: Database) -> None:
        while closing.close_finished_days(database):
            pass

    with ThreadPoolExecutor(RUNS) as pool:
        list(pool.map(run, runs))
    for database in runs:
        database.dispose()
    assert_paid(bench, *(due(day) for day in days))

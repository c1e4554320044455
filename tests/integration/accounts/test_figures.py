"""What Prometheus hears of the closing of days."""

from collections.abc import Callable
from datetime import UTC, date, datetime

from accounts import closing, service
from accounts.figures import figures
from chassis.database import Database
from tests.integration.accounts.desk import TODAY, at, closed
from tests.support import Workbench

HOUR = 3600


def _told(database: Database) -> dict[str, float | None]:
    return {
        figure.name.removeprefix("accounts_"): figure.value for figure in database.read(figures)
    }


def test_before_the_first_night_nothing_waits(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 3000))
    assert _told(database) == {"open_days": 0, "oldest_open_day_age_seconds": 0}


def test_a_day_that_is_over_and_open_grows_older_until_it_is_closed(
    bench: Workbench, database: Database
) -> None:
    bench.hear(closed("t1", "ann", 3000))
    bench.clock.put(at(11, 2, 30))
    assert _told(database) == {"open_days": 1, "oldest_open_day_age_seconds": 2.5 * HOUR}
    bench.clock.put(at(13, 1))
    assert _told(database) == {"open_days": 3, "oldest_open_day_age_seconds": 49 * HOUR}
    closing.close_day(database, date(2026, 3, 12), "carol")
    assert _told(database) == {
        "open_days": 0,
        "oldest_open_day_age_seconds": 0,
        "closed_through_timestamp_seconds": at(13, 0).timestamp(),
    }
    # A day on which nothing is booked wants to be closed as well.
    bench.clock.put(at(14, 4))
    assert _told(database)["oldest_open_day_age_seconds"] == 4 * HOUR


def test_a_day_that_is_being_closed_is_not_closed_yet(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 3000))
    bench.clock.put(at(11, 3))
    database.run(closing.begin_closing, TODAY, "the clock")
    told = _told(database)
    assert (told["open_days"], told["oldest_open_day_age_seconds"]) == (1, 3 * HOUR)
    assert told["closed_through_timestamp_seconds"] == at(10, 0).timestamp()
    while database.run(closing.close_chunk):
        pass
    assert _told(database)["open_days"] == 0


def test_a_day_is_over_at_the_companys_midnight(workbench: Callable[..., Workbench]) -> None:
    bench = workbench(service, timezone="Europe/Moscow")
    database = bench.runtime().database
    bench.hear(closed("t1", "ann", 3000))
    bench.clock.put(datetime(2026, 3, 10, 23, 0, tzinfo=UTC))  # two in the morning of the 11th
    assert _told(database) == {"open_days": 1, "oldest_open_day_age_seconds": 2 * HOUR}

"""The dry run of a night says what closing then does, and each day shows how it stands."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings

import accounts
from accounts import closing, days
from accounts import forecast as forecast_module
from accounts.forecast import Due, forecast, settle
from chassis.database import Database, Reading
from tests import mariadb
from tests.integration.accounts.desk import (
    PAGES,
    TODAY,
    assigned,
    at,
    booked,
    closed,
    payouts,
    recorded,
)
from tests.integration.accounts.test_payslips import STEPS, Story
from tests.support import Workbench
from tests.tables import cents, page_rows

YESTERDAY = TODAY - timedelta(days=1)


def paid(dues: list[Due]) -> set[tuple[str, date, int]]:
    return {(user_id, due.date, amount) for due in dues for user_id, amount in due.amounts.items()}


@given(steps=STEPS)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_the_dry_run_says_is_what_closing_pays(
    bench: Workbench, database: Database, steps: list[tuple[str, int, int, int]]
) -> None:
    story = Story(bench, database)
    bench.clock.advance(days=1)
    for step in steps:
        story.happen(*step)
    today = bench.clock.now().date()
    said, before = paid(database.read(forecast, today)), payouts(database)
    closing.close_day(database, today, "carol")
    assert said == payouts(database) - before
    assert database.read(forecast, today) == []


def test_what_is_left_of_a_day_that_is_being_closed_is_in_the_dry_run(
    bench: Workbench, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "ACCOUNTS_AT_ONCE", 2)
    bench.hear(*[closed(f"t{n}", f"u{n}", 100 + n, at(9)) for n in range(5)])
    bench.hear(assigned("a1", "u4", 50))
    database.run(closing.begin_closing, YESTERDAY, "carol")
    database.run(closing.close_chunk)
    left = {(f"u{n}", YESTERDAY, 100 + n) for n in range(2, 5)}
    assert paid(database.read(forecast, TODAY)) == left
    assert paid(database.read(forecast, YESTERDAY)) == left


def test_each_day_pays_what_the_days_before_it_have_left() -> None:
    first, second, third = (date(2026, 3, day) for day in (7, 8, 9))
    booked = {second: {"ann": -400, "bob": 2000}, third: {"ann": 500, "bob": -100}}
    dues = settle({"ann": 1100, "bob": 400}, booked, [first, second, third])
    assert [due.amounts for due in dues] == [{"ann": 1000}, {"bob": 500}, {"ann": 100}]
    assert dues[0].amount == 1000


def test_who_had_no_account_when_the_balances_were_read_is_due_nothing_yet() -> None:
    first, second = (date(2026, 3, day) for day in (8, 9))
    dues = settle({"ann": 1100}, {second: {"new": 500, "ann": 100}}, [first, second])
    assert [due.amounts for due in dues] == [{"ann": 1000}, {"ann": 100}]


@pytest.fixture(params=["sqlite", "mariadb"])
def on_either(
    request: pytest.FixtureRequest, workbench: Callable[..., Workbench]
) -> Iterator[Workbench]:
    if request.param == "sqlite":
        yield workbench(accounts.service)
        return
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.fresh_databases(["accounts"]) as url:
        yield workbench(accounts.service, database_url=url)


@pytest.mark.parametrize("path", [f"/days/{YESTERDAY}", f"/days/{YESTERDAY}/close"])
@pytest.mark.parametrize("booked_on_it", [True, False])
def test_a_day_that_closes_while_it_is_looked_at_is_shown(
    on_either: Workbench, monkeypatch: pytest.MonkeyPatch, path: str, booked_on_it: bool
) -> None:
    """Between the look at its status and the dry run; or there was nothing to be closed."""
    own = on_either.runtime().database
    on_either.hear(closed("t0", "ann", 100, at(8)))
    if booked_on_it:
        on_either.hear(closed("t1", "ann", 100, at(9)))
    real = forecast_module.forecast

    def late(reading: Reading, last: date) -> list[Due]:
        closing.close_day(own, YESTERDAY, "clock")
        return real(reading, last)

    monkeypatch.setattr(forecast_module, "forecast", late)
    answer = on_either.client("accountant").get(f"{PAGES}{path}")
    assert answer.status_code == 200
    again = on_either.client("accountant").get(f"{PAGES}/days/{YESTERDAY}").text
    assert "A dry run" not in again


def test_a_popug_whose_first_entry_comes_while_it_is_forecast(
    on_either: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = on_either.runtime().database
    on_either.hear(closed("t1", "ann", 100, at(9)))
    real = forecast_module._booked_after

    def late(reading: Reading, day: date) -> Mapping[date, Mapping[str, int]]:
        on_either.hear(closed("t2", "new", 100, at(10)))
        return real(reading, day)

    monkeypatch.setattr(forecast_module, "_booked_after", late)
    assert paid(own.read(forecast, TODAY)) == {("ann", YESTERDAY, 100)}


def test_a_dry_run_is_largest_first() -> None:
    assert Due(TODAY, {"b": 5, "a": 5, "c": 9}).largest_first() == [("c", 9), ("a", 5), ("b", 5)]


def rows(bench: Workbench, path: str) -> list[tuple[str, int]]:
    return [(row[0], cents(row[1])) for row in page_rows(bench.client("admin").get(path).text)]


def test_an_open_day_shows_the_dry_run_and_pays_nobody(
    bench: Workbench, database: Database
) -> None:
    bench.fakes["auth"].lists["/api/v1/users"] = [{"id": "ann", "name": "Ann"}]
    bench.hear(closed("t1", "ann", 3000), closed("t2", "bob", 4000), assigned("a1", "cid", 100))
    path = f"{PAGES}/days/{TODAY}"
    expected = [("name unavailable", 4000), ("Ann", 3000)]
    assert rows(bench, path) == expected
    assert "A dry run" in bench.client("accountant").get(path).text
    listed = bench.client("accountant").get(f"{PAGES}/days").text
    assert "2 popugs would be paid $70.00 in all" in listed
    assert "expected 2" in listed
    assert "Mar 11, 2026, 12:00" in listed
    assert payouts(database) == set()
    assert recorded(database) == {}


def test_progress_is_shown_while_the_day_is_closed_and_then_the_result(
    bench: Workbench, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "ACCOUNTS_AT_ONCE", 2)
    bench.hear(*[closed(f"t{n}", f"u{n}", 100 + n, at(9)) for n in range(5)])
    path = f"{PAGES}/days/{YESTERDAY}"
    database.run(closing.begin_closing, YESTERDAY, "clock")
    for settled in (0, 2, 4):
        page = bench.client("accountant").get(path).text
        assert f'<progress class="w-100" value="{settled}" max="5"' in page
        assert 'http-equiv="refresh"' in page
        assert len(page_rows(page)) == settled
        assert "closing" in bench.client("accountant").get(f"{PAGES}/days").text
        database.run(closing.close_chunk)
    page = bench.client("accountant").get(path).text
    assert "refresh" not in page
    assert "by the clock" in page
    assert rows(bench, path) == [("name unavailable", 100 + n) for n in (4, 3, 2, 1, 0)]
    assert f"/payslips/u4/{YESTERDAY}" in page


def test_a_long_list_goes_on_on_the_next_page(
    bench: Workbench, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.day_pages.MOST", 4)
    bench.hear(*[closed(f"t{n}", f"u{n:02}", 100 + n // 2) for n in range(11)])
    for _ in ("dry run", "result"):
        seen: list[int] = []
        path = f"{PAGES}/days/{TODAY}"
        while path:
            page = bench.client("admin").get(path).text
            seen += [cents(row[1]) for row in page_rows(page)]
            following = page.split('rel="next" href="')
            path = f"{PAGES}/days/{TODAY}{following[1].split(chr(34))[0]}" if following[1:] else ""
        assert seen == [105, 104, 104, 103, 103, 102, 102, 101, 101, 100, 100]
        closing.close_day(database, TODAY, "carol")


def test_missed_nights_are_said_until_they_are_caught_up(
    bench: Workbench, database: Database
) -> None:
    client = bench.client("accountant")
    bench.hear(assigned("a0", "ann", 100))
    assert "still open" not in client.get(f"{PAGES}/days").text
    bench.hear(closed("t1", "ann", 1000, at(7)), closed("t2", "ann", 500, at(8)))
    page = client.get(f"{PAGES}/days").text
    assert "3 days are over and still open" in page
    assert "$10.00" in page
    assert "$5.00" in page
    bench.settle()
    page = client.get(f"{PAGES}/days").text
    assert "still open" not in page
    assert {day: row[2] for day, row in recorded(database).items()} == {
        date(2026, 3, 7): 1000,
        date(2026, 3, 8): 500,
        YESTERDAY: 0,
    }


def test_a_day_tells_what_came_too_late_for_it(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 1000, at(9)))
    bench.settle()
    bench.hear(closed("t2", "ann", 777, at(9, 23)))
    page = bench.client("admin").get(f"{PAGES}/days/{YESTERDAY}").text
    late = page.split("Came too late for this day")[1]
    assert "$7.77" in late
    assert "Mar 10, 2026" in late
    assert booked(database, "day", sum=777) == [TODAY]
    assert "Came too late" not in bench.client("admin").get(f"{PAGES}/days/{TODAY}").text


def test_a_day_to_come_or_none_is_refused(bench: Workbench) -> None:
    for day in ("x", "2026-03-11"):
        assert bench.client("admin").get(f"{PAGES}/days/{day}").status_code == 422
    assert bench.client("admin").get(f"{PAGES}/days/{TODAY}?after=x").status_code == 422


def test_a_day_that_was_passed_over_says_so(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 1000, at(5)))
    closing.close_day(database, YESTERDAY, "carol")
    assert database.read(days.business_day, date(2026, 3, 7)).closed_at is None
    page = bench.client("admin").get(f"{PAGES}/days/2026-03-07").text
    assert "Nothing was booked on this day" in page

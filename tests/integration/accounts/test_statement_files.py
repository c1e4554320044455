"""The statement as a file: the figures on screen, whatever is in the ledger."""

from datetime import date
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings

from accounts import closing, commands, statement_files
from chassis.database import Database
from tests.integration.accounts.desk import PAGES, TODAY, assigned, at, booked, closed
from tests.integration.accounts.test_payslips import STEPS, Story
from tests.support import Workbench
from tests.tables import cents, csv_rows, page_rows

FILE = f"{PAGES}/statement.csv"


def in_file(bench: Workbench, user_id: str, asked: str = "") -> list[list[str]]:
    answer = bench.client("worker", user_id).get(f"{FILE}?{asked}")
    assert answer.status_code == 200
    return csv_rows(answer.data)


def on_screen(bench: Workbench, user_id: str) -> list[tuple[str, int, int]]:
    """What, sum and balance of each entry, page after page."""
    found: list[tuple[str, int, int]] = []
    path = f"{PAGES}/"
    while path:
        page = bench.client("worker", user_id).get(path).text
        found += [(row[0], cents(row[2]), cents(row[3])) for row in page_rows(page)]
        following = page.split('rel="next" href="')
        path = f"{PAGES}/{following[1].split(chr(34))[0]}" if following[1:] else ""
    return found


@given(steps=STEPS)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_file_holds_the_figures_on_screen(
    bench: Workbench, database: Database, steps: list[tuple[str, int, int, int]]
) -> None:
    story = Story(bench, database)
    bench.clock.advance(days=3)
    for step in steps:
        story.happen(*step)
    with patch.object(statement_files, "ROWS_AT_ONCE", 3):
        for person in story.people:
            screen = on_screen(bench, person)
            file = in_file(bench, person, f"from={bench.clock.now().date().replace(day=1)}")
            everything = in_file(bench, person)
            assert [(cents(row[3]), cents(row[4])) for row in everything[1:]] == [
                (amount, balance) for _, amount, balance in screen
            ]
            assert file[1:] == [
                row
                for row in everything[1:]
                if row[0] >= str(bench.clock.now().date().replace(day=1))
            ]


def test_each_row_says_what_when_and_why(bench: Workbench, database: Database) -> None:
    bench.fakes["tasks"].lists["/api/v1/tasks"] = [{"id": "t1", "title": "=HYPERLINK(1)"}]
    bench.fakes["auth"].lists["/api/v1/users"] = [{"id": "carol", "name": "Кэрол"}]
    bench.hear(closed("t1", "ann", 3000, at(9)), assigned("a1", "ann", 1500, task_id="t1"))
    (fee,) = booked(database, "transaction_id", kind="fee")
    database.run(commands.reverse, fee, "=1+1", "carol")
    closing.close_day(database, date(2026, 3, 9), "carol")
    rows = in_file(bench, "ann", f"from=2026-03-09&to={TODAY}")
    assert rows[0] == ["Day", "When", "What", "Sum", "Balance", "Currency", "Reason"]
    assert rows[1][2:] == [
        *("Reversal (fee): =HYPERLINK(1)", "15.00", "30.00", "USD", "'=1+1 — Кэрол")
    ]
    assert rows[2] == [
        *("2026-03-10", "2026-03-10 12:00:00", "Fee: =HYPERLINK(1)"),
        *("-15.00", "15.00", "USD", ""),
    ]
    assert [row[2] for row in rows[3:]] == ["Payout", "Reward: =HYPERLINK(1)"]
    assert in_file(bench, "ann", "to=2026-03-09")[1:] == rows[3:]


def test_bookkeepers_take_anybodys_and_others_their_own(bench: Workbench) -> None:
    bench.hear(closed("t1", "ann", 3000))
    path = f"{PAGES}/users/ann/statement.csv"
    answer = bench.client("accountant").get(path)
    assert csv_rows(answer.data) == in_file(bench, "ann")
    assert "statement-2026-02-09-2026-03-10.csv" in answer.headers["Content-Disposition"]
    assert bench.client("manager").get(path).status_code == 403
    assert bench.client("admin").get(f"{PAGES}/users/nobody/statement.csv").status_code == 404
    assert len(in_file(bench, "new")) == 1
    assert 'action="/accounts/statement.csv"' in bench.client("worker", "ann").get(f"{PAGES}/").text
    assert f'action="{path}"' in bench.client("accountant").get(f"{PAGES}/users/ann").text


def test_what_is_booked_on_tomorrow_is_in_the_file_as_it_is_on_screen(
    bench: Workbench, database: Database
) -> None:
    closing.close_day(database, TODAY, "carol")
    bench.hear(closed("t1", "ann", 3000))
    assert [row[0] for row in in_file(bench, "ann")[1:]] == ["2026-03-11"]
    assert len(in_file(bench, "ann", "to=2026-03-11")) == 2
    assert 'name="to" value="2026-03-11"' in bench.client("worker", "ann").get(f"{PAGES}/").text


@pytest.mark.parametrize("asked", ["from=x", "from=2026-03-09&to=2026-03-01", "to=2026-03-11"])
def test_a_wrong_range_is_refused(bench: Workbench, asked: str) -> None:
    assert bench.client("worker", "ann").get(f"{FILE}?{asked}").status_code == 422

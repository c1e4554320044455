"""`popug close-day`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner, Result

from accounts.cli import close_day
from chassis.database import Database, DatabaseAway
from chassis.runtime import Runtime
from tests.integration.accounts.desk import TODAY, at, closed, recorded
from tests.support import Workbench


def _run(bench: Workbench, *arguments: str) -> Result:
    @contextmanager
    def open_runtime(service: str) -> Iterator[Runtime]:
        yield bench.runtime(service)

    return CliRunner().invoke(close_day, arguments, obj=open_runtime)


def test_yesterday_is_closed_without_a_date(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 3000, at(9)))
    result = _run(bench)
    assert result.exit_code == 0
    assert result.output == "2026-03-09: closed, 1 payouts, 30.00 USD\n"
    assert list(recorded(database).values()) == [("closed", 1, 3000)]
    assert [event.amount for event in bench.emitted()] == [3000]


def test_a_date_is_taken_and_json_is_given(bench: Workbench) -> None:
    bench.hear(closed("t1", "ann", 3000))
    for _ in range(2):
        result = _run(bench, "--date", "2026-03-10", "--json")
        assert result.exit_code == 0
        assert json.loads(result.output) == {
            "date": "2026-03-10",
            "status": "closed",
            "payouts": 1,
            "amount": 3000,
        }


@pytest.mark.parametrize("day", ["2026-03-11", "x", "20260310", ""])
def test_a_wrong_day_fails_with_a_sentence(bench: Workbench, database: Database, day: str) -> None:
    result = _run(bench, "--date", day)
    assert result.exit_code != 0
    assert "has not begun yet" in result.output or "write the day like" in result.output
    assert recorded(database) == {}


def test_a_database_that_is_away_fails_with_a_sentence(
    bench: Workbench, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise DatabaseAway("database is locked")

    monkeypatch.setattr(database, "run", away)
    result = _run(bench, "--date", TODAY.isoformat())
    assert result.exit_code == 1
    assert "the database does not answer" in result.output

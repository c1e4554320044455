"""What migrations make of figures that are there already."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from analytics import models
from analytics.domain import Range
from chassis import outbox
from chassis.database import Database
from chassis.migrations import differences, migrate
from tests.earlier_tables import empty_database, migrate_to, write

DAY = "INSERT INTO user_days (user_id, date, sum) VALUES (:user, :day, :sum)"
SUMS = [
    ("ann", "2026-03-08", -1_000),
    ("ann", "2026-03-09", 2_500),
    ("ann", "2026-03-10", -2_000),
    ("bob", "2026-03-09", -1_000),
]


@pytest.fixture(params=["sqlite", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with empty_database(request.param, "analytics", tmp_path) as made:
        yield made


def test_who_was_in_the_negative_is_known_afterwards(database: Database) -> None:
    migrate_to(database, "analytics", "0004")
    write(database, DAY, *[{"user": user, "day": day, "sum": sum_} for user, day, sum_ in SUMS])
    assert migrate(database, "analytics")
    assert differences(database, models.metadata, outbox.metadata) == []
    asked = Range(date(2026, 3, 7), date(2026, 3, 10))
    assert [day.losers for day in database.read(models.figures, asked)] == [0, 1, 1, 2]
    with database.reading() as reading:
        kept = reading.execute(select(models.standings).order_by("user_id")).all()
    assert [tuple(row) for row in kept] == [
        ("ann", -500, date(2026, 3, 10)),
        ("bob", -1_000, date(2026, 3, 9)),
    ]

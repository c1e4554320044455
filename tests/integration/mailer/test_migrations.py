"""What migrations make of mails that are there already."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chassis import outbox
from chassis.database import Database
from chassis.migrations import differences, migrate
from mailer import models
from tests.earlier_tables import empty_database, migrate_to, write

INSERT = (
    "INSERT INTO mails (id, payout_id, kind, user_id, date, amount, currency, status, attempts, "
    "message_id, created_at, next_attempt_at, html) VALUES "
    "(:id, 'p1', :kind, 'u1', '2026-03-09', 100, 'USD', 'sent', 1, :id, :at, :at, '<p>ж</p>')"
)
AT = "2026-03-10 12:00:00.000000"


@pytest.fixture(params=["sqlite", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with empty_database(request.param, "mailer", tmp_path) as made:
        yield made


def test_mails_stay_and_those_of_later_failures_have_room(database: Database) -> None:
    migrate_to(database, "mailer", "0005")
    mails = [{"id": f"m-{kind}", "kind": kind, "at": AT} for kind in ("payout", "failed")]
    write(database, INSERT, *mails)
    assert migrate(database, "mailer")
    assert differences(database, models.metadata, outbox.metadata) == []
    with database.reading() as reading:
        found = reading.execute(text("SELECT id, kind, number, html FROM mails ORDER BY id"))
        assert [tuple(row) for row in found] == [
            ("m-failed", "failed", 1, "<p>ж</p>"),
            ("m-payout", "payout", 1, "<p>ж</p>"),
        ]
    again = {"id": "m-again", "kind": "failed", "at": AT}
    with pytest.raises(IntegrityError):
        write(database, INSERT, again)
    write(
        database,
        INSERT.replace(", html)", ", html, number)").replace("'<p>ж</p>')", "'', 2)"),
        again,
    )

"""Rows in one statement: on a server they arrive as they were, and few statements bring them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pymysql.cursors import Cursor
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Integer,
    MetaData,
    String,
    Table,
    select,
)
from sqlalchemy.exc import IntegrityError

from chassis import rows
from chassis.clock import SystemClock
from chassis.columns import Bytes, LongText, UtcDateTime
from chassis.database import Database, Transaction
from chassis.settings import load_settings
from tests import mariadb

things = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("text", LongText),
    Column("bytes", Bytes),
    Column("at", UtcDateTime),
    Column("day", Date),
    Column("amount", BigInteger),
    Column("sure", Boolean),
    Column("kind", String(9), server_default="plain"),
)
TEXTS = (
    "", "'", "''", "\\", "\\'", '"', "\0", "a\0b", "%", "%s", "%(id)s", "%%", "\n\r\t\x1a", "`;--",
    "Ёж 🦜", "'), (2, 'x", None,
)  # fmt: skip
MOMENT = datetime(2026, 3, 10, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def database() -> Iterator[Database]:
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.fresh_databases(["things"]) as url:
        made = Database(url.format(service="things"), SystemClock(), load_settings({}), "/things")
        things.create(made.engine)
        yield made
        made.dispose()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The INSERT statements that PyMySQL sends."""
    heard: list[str] = []
    execute = Cursor.execute

    def listening(self: Cursor, query: str, args: Any = None) -> int:
        if query.lstrip().startswith("INSERT"):
            heard.append(query)
        return execute(self, query, args)

    monkeypatch.setattr(Cursor, "execute", listening)
    return heard


def row(number: int, text: str | None = "x") -> dict[str, Any]:
    return {
        "id": number,
        "text": text,
        "bytes": None if text is None else bytes(range(256)) + text.encode(),
        "at": MOMENT,
        "day": date(2026, 3, 10),
        "amount": -number,
        "sure": number % 2 == 0,
    }


def stored(database: Database) -> list[dict[str, Any]]:
    found = database.read(lambda r: r.execute(select(things).order_by(things.c.id)).mappings())
    return [dict(each) for each in found]


def insert(tx: Transaction, made: list[dict[str, Any]]) -> None:
    tx.insert(things, made)


def test_every_value_arrives_as_it_was(database: Database, sent: list[str]) -> None:
    made = [row(number, text) for number, text in enumerate(TEXTS)]
    database.run_idempotent(insert, made)
    assert stored(database) == [each | {"kind": "plain"} for each in made]
    assert len([query for query in sent if "things" in query]) == 1


def test_a_single_row_arrives_like_many(database: Database) -> None:
    for number, text in enumerate(TEXTS):
        database.run_idempotent(insert, [row(number, text)])
    assert stored(database) == [row(n, t) | {"kind": "plain"} for n, t in enumerate(TEXTS)]


def test_rows_that_are_too_much_for_one_statement_are_sent_in_several(
    database: Database, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_CHARACTERS", 5_000)
    made = [row(number) for number in range(100)]
    database.run_idempotent(insert, made)
    assert stored(database) == [each | {"kind": "plain"} for each in made]
    lengths = [len(query) for query in sent if "things" in query]
    assert len(lengths) > 5
    assert max(lengths) < 6_000


def test_a_row_beyond_that_length_goes_by_itself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_CHARACTERS", 10)
    database.run_idempotent(insert, [row(number) for number in range(3)])
    assert [each["id"] for each in stored(database)] == [0, 1, 2]


def test_an_upsert_is_one_statement_too(database: Database, sent: list[str]) -> None:
    def upsert(tx: Transaction, text: str) -> None:
        made = [row(number, text) for number in range(50)]
        tx.upsert(things, made, lambda _old, new: {"text": new.text})

    database.run_idempotent(upsert, "first %s")
    database.run_idempotent(upsert, "then '%'")
    assert {each["text"] for each in stored(database)} == {"then '%'"}
    assert len([query for query in sent if "things" in query]) == 2


def test_an_error_does_not_tell_what_the_rows_hold(database: Database) -> None:
    with pytest.raises(IntegrityError) as refused:
        database.run_idempotent(insert, [row(1, "secret"), row(1, "secret")])
    assert "secret" not in str(refused.value)
    assert stored(database) == []


def test_a_row_that_lacks_a_column_is_refused(database: Database) -> None:
    with pytest.raises(KeyError, match="amount"):
        database.run_idempotent(
            insert, [row(1), {k: v for k, v in row(2).items() if k != "amount"}]
        )
    assert stored(database) == []


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("INSERT INTO t (a, b) VALUES (%s, %s)", ("INSERT INTO t (a, b) VALUES ", ["", ""], "")),
        ("INSERT INTO t (a) VALUES (%(a)s)", ("INSERT INTO t (a) VALUES ", ["a"], "")),
        (
            "INSERT INTO t (a) VALUES (%(a)s) AS new ON DUPLICATE KEY UPDATE a = new.a",
            ("INSERT INTO t (a) VALUES ", ["a"], " AS new ON DUPLICATE KEY UPDATE a = new.a"),
        ),
        ("INSERT INTO t (a) VALUES (%(a)s + 1)", None),
        ("INSERT INTO t (a) VALUES (%s) ON DUPLICATE KEY UPDATE a = %s", None),
        ("UPDATE t SET a = %s", None),
    ],
)
def test_only_a_plain_insert_is_put_into_words_here(query: str, parts: object) -> None:
    assert rows._parts_of(query) == parts


def test_what_cannot_be_split_is_left_to_the_driver(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BETWEEN_LITERALS", "1")
    database.run_idempotent(insert, [row(number) for number in range(20)])
    assert stored(database) == [row(number) | {"kind": "plain"} for number in range(20)]

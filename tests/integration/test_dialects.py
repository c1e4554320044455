"""Only what MySQL 8.4 and MariaDB 10.11 both know: the checker that hears every statement."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import OperationalError

import accounts
from accounts.models import entries
from tests.dialects import Listener, complaint
from tests.support import Workbench

things = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer))
latest = select(things.c.id).order_by(things.c.n).limit(3)


@pytest.mark.parametrize(
    "statement",
    [
        things.insert().values(n=1).returning(things.c.id),
        things.select().with_for_update(of=things),
        things.select().order_by(things.c.n.nulls_last()),
        things.select().where(things.c.id.in_(latest)),
        select(func.any_value(things.c.n)),
        select(func.json_value(things.c.n, "$.a")),
        text("SELECT n->'$.a' FROM things"),
        text("SELECT * FROM things FOR SHARE"),
        text("INSERT INTO things VALUES (1, 2) ON CONFLICT DO NOTHING"),
        things.select().join(things.alias(), full=True, onclause=text("1 = 1")),
        entries.select().with_for_update(),
        entries.select().with_for_update(read=True),
    ],
)
def test_a_statement_that_not_both_understand_is_found(statement: Any) -> None:
    assert complaint(statement)


def _upsert() -> Any:
    offered = mysql.insert(things).values(id=1, n=1)
    return offered.on_duplicate_key_update(n=things.c.n + offered.inserted.n)


@pytest.mark.parametrize(
    "statement",
    [
        _upsert(),
        things.select().with_for_update(skip_locked=True),
        things.select().with_for_update(read=True),
        select(func.sum(things.c.n).over(partition_by=things.c.id, order_by=things.c.n)),
        things.delete().where(things.c.id.in_([1, 2])),
        select(latest.subquery()),
    ],
)
def test_a_statement_that_both_understand_is_not(statement: Any) -> None:
    assert complaint(statement) is None


def test_what_tests_execute_is_looked_at(
    workbench: Callable[..., Workbench], looked_at: Listener
) -> None:
    database = workbench(accounts.service).runtime().database
    assert any(isinstance(key, str) and "CREATE TABLE" in key for key in looked_at.seen)
    with suppress(OperationalError):  # SQLite knows no such function
        database.read(lambda r: r.execute(text("SELECT json_value('{}', '$.a')")))
    (found,) = looked_at.complaints
    assert "json_value" in found
    looked_at.complaints.clear()

"""Statements that are built once and filled in each time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Select, Table, Update, create_engine, select
from sqlalchemy.dialects import mysql, sqlite

from chassis.columns import UtcDateTime
from chassis.prepared import prepared
from chassis.upserts import upsert_of

things = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime),
)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_it_is_built_once_and_filled_in_each_time() -> None:
    built = []

    @prepared
    def found(ids: Sequence[int], at: datetime) -> Select[Any]:
        built.append("once")
        return select(things.c.id).where(things.c.id.in_(ids), things.c.at == at)

    @prepared
    def changed(id: int, at: datetime) -> Update:
        return things.update().where(things.c.id == id).values(at=at)

    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        things.create(connection)
        connection.execute(things.insert(), [{"id": n, "at": NOON} for n in (1, 2, 3)])
        assert connection.execute(*found([1, 3, 7], NOON)).scalars().all() == [1, 3]
        assert connection.execute(*found([], NOON)).scalars().all() == []
        assert connection.execute(*changed(1, at=NOON.replace(hour=13))).rowcount == 1
        assert connection.execute(*found(ids=[1, 2], at=NOON)).scalars().all() == [2]
    assert built == ["once"]
    assert found([1], NOON).statement is found([2, 3], NOON).statement


def test_what_is_none_makes_it_another_statement() -> None:
    built: list[int | None] = []

    @prepared
    def found(after: int | None, most: int) -> Select[Any]:
        built.append(after)
        statement = select(things.c.id).order_by(things.c.id).limit(most)
        return statement if after is None else statement.where(things.c.id > after)

    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        things.create(connection)
        connection.execute(things.insert(), [{"id": n} for n in range(1, 6)])
        for _ in range(2):
            assert connection.execute(*found(None, 2)).scalars().all() == [1, 2]
            assert connection.execute(*found(2, most=9)).scalars().all() == [3, 4, 5]
    assert len(built) == 2


def test_what_is_missing_is_refused() -> None:
    @prepared
    def found(number: int) -> Select[Any]:
        return select(things.c.id).where(things.c.id == number)

    with pytest.raises(TypeError):
        found()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        found(1, most=2)  # type: ignore[call-arg]


def test_an_upsert_is_built_once_for_each_engine_and_change() -> None:
    def of(dialect: Any) -> Any:
        return upsert_of(dialect, things, lambda _old, new: {"at": new.at})

    def other(dialect: Any) -> Any:
        return upsert_of(dialect, things, lambda old, _new: {"at": old.c.at})

    assert of(sqlite.dialect()) is of(sqlite.dialect())
    assert of(mysql.dialect()) is not of(sqlite.dialect())
    assert other(sqlite.dialect()) is not of(sqlite.dialect())


def test_an_upsert_that_depends_on_what_is_around_it_is_built_each_time() -> None:
    def of(name: str) -> str:
        made = upsert_of(sqlite.dialect(), things, lambda _old, new: {name: new[name]})
        return str(made.compile(dialect=sqlite.dialect()))  # type: ignore[attr-defined]

    assert "SET at = " in of("at")
    assert "SET id = " in of("id")

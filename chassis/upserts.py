"""Inserting rows, or changing those that are there: each engine says it in its own way."""

from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, TypeAlias

from sqlalchemy import Dialect, Executable, Table
from sqlalchemy.dialects import mysql, sqlite

Change: TypeAlias = Callable[[Table, Any], Mapping[str, Any]]

# By the code of the change: it is the same for ever at each place that asks.
_made: dict[tuple[str, Table, CodeType], Executable] = {}


def upsert_of(dialect: Dialect, table: Table, change: Change) -> Executable:
    """The statement; put together once, unless `change` depends on what stands around it."""
    if change.__closure__:
        return _upsert(dialect, table, change)
    key = (dialect.name, table, change.__code__)
    if key not in _made:
        _made[key] = _upsert(dialect, table, change)
    return _made[key]


def _upsert(dialect: Dialect, table: Table, change: Change) -> Executable:
    if dialect.name == "sqlite":
        on_sqlite = sqlite.insert(table)
        return on_sqlite.on_conflict_do_update(
            index_elements=list(table.primary_key), set_=dict(change(table, on_sqlite.excluded))
        )
    on_mysql = mysql.insert(table)
    return on_mysql.on_duplicate_key_update(**change(table, on_mysql.inserted))

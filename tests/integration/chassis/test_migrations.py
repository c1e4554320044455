"""Migrations: run once, found in the package, and equal to what is declared."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, inspect

from chassis import outbox, workers
from chassis.database import Database
from chassis.migrations import differences, migrate
from popug.system import system
from tests.earlier_tables import empty_database, migrate_to, write
from tests.integration.chassis import counter
from tests.support import Workbench


def test_migrated_tables_equal_the_declared_ones(bench: Workbench) -> None:
    database = bench.runtime().database
    assert differences(database, counter.metadata, outbox.metadata) == []


def test_a_difference_is_found(bench: Workbench) -> None:
    later = MetaData()
    for table in counter.metadata.tables.values():
        table.to_metadata(later)
    Table("added", later, Column("id", Integer, primary_key=True))
    later.tables["counts"].append_column(Column("colour", Integer))
    found = differences(bench.runtime().database, later, outbox.metadata)
    assert {change[0] for change in found} == {"add_table", "add_column"}  # type: ignore[index]


def test_a_second_start_has_nothing_to_do_and_keeps_the_data(bench: Workbench) -> None:
    database = bench.runtime().database
    database.run(counter.add, "n")
    assert migrate(database, counter.service.package) is False
    assert database.read(counter.numbers) == {"n": 1}


def test_every_service_has_the_tables_of_the_chassis(bench: Workbench) -> None:
    tables = set(inspect(bench.runtime().database.engine).get_table_names())
    assert tables >= {"outbox", "inbox", "parked_events", "access", "ended_sessions"}


def test_databases_that_are_migrated_at_the_same_moment_do_not_meet(
    workbench: Callable[..., Workbench], tmp_path: Path
) -> None:
    """As `popug status` opens all services at once, on files that are not there yet."""
    bench = workbench(*system.services)
    fresh = [
        Database(f"sqlite:///{tmp_path / name}.db", bench.clock, bench.settings, f"/popug/{name}")
        for name in system.names
    ]
    with ThreadPoolExecutor(len(fresh)) as threads:
        changed = list(threads.map(migrate, fresh, system.names))
    assert all(changed)
    for database, service in zip(fresh, system.services, strict=True):
        assert differences(database, service.metadata, outbox.metadata) == []
        database.dispose()


@pytest.mark.parametrize("engine", ["sqlite", "mariadb"])
def test_a_worker_of_the_version_before_tells_of_nothing_in_its_hands(
    engine: str, tmp_path: Path
) -> None:
    with empty_database(engine, "tasks", tmp_path) as database:
        migrate_to(database, "tasks", "0003")
        statement = (
            "INSERT INTO workers (id, version, started_at, seen_at) VALUES ('w1', '1', :at, :at)"
        )
        write(database, statement, {"at": "2026-03-10 11:59:59.000000"})
        migrate(database, "tasks")
        write(database, statement.replace("w1", "w2"), {"at": "2026-03-10 11:59:59.000000"})
        found = database.read(workers.at_work)
        assert [(worker.in_hand, worker.lag_seconds) for worker in found] == [(0, 0.0)] * 2

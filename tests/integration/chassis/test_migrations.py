"""Migrations: run once, found in the package, and equal to what is declared."""

from sqlalchemy import Column, Integer, MetaData, Table, inspect

from chassis import outbox
from chassis.migrations import differences, migrate
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

"""Transactions: all or nothing, none lost, none inside another."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.exc import IntegrityError, StatementError

from chassis import outbox
from chassis.access import access
from chassis.database import Database, DatabaseAway, Reading, Transaction, in_transaction
from tests.integration.chassis import counter
from tests.support import NOON, Workbench


@pytest.fixture
def database(bench: Workbench) -> Database:
    return bench.runtime().database


def _read_then_update(tx: Transaction, name: str) -> None:
    number = tx.execute(
        select(counter.counts.c.number).where(counter.counts.c.name == name).with_for_update()
    ).scalar_one()
    tx.execute(
        counter.counts.update().where(counter.counts.c.name == name).values(number=number + 1)
    )


def test_eight_threads_that_read_then_update_lose_nothing(database: Database) -> None:
    database.run(counter.add, "n", 0)

    def hundred_times() -> None:
        for _ in range(100):
            database.run(_read_then_update, "n")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(hundred_times) for _ in range(8)]:
            done.result()
    assert database.read(counter.numbers) == {"n": 800}


def test_two_databases_objects_on_one_file_lose_nothing_either(database: Database) -> None:
    """As two processes would be: they share the file and no lock in memory."""
    database.run(counter.add, "n", 0)
    other = Database(database.url, database.clock, database.settings, database.source)

    def fifty_times(which: Database) -> None:
        for _ in range(50):
            which.run(_read_then_update, "n")

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(fifty_times, d) for d in (database, other, database, other)]:
            done.result()
    other.dispose()
    assert database.read(counter.numbers) == {"n": 200}


def test_an_exception_leaves_nothing_neither_rows_nor_events(database: Database) -> None:
    woken: list[str] = []
    database.on_events = lambda _messages: woken.append("events")
    database.on_wake = woken.append

    def fail(tx: Transaction) -> None:
        counter.add_and_say(tx, "n")
        tx.wake("count")
        raise RuntimeError("after the work")

    with pytest.raises(RuntimeError, match="after the work"):
        database.run(fail)
    assert database.read(counter.numbers) == {}
    assert database.read(outbox.depth) == (0, None)
    assert woken == []
    assert not in_transaction()


def test_an_event_that_breaks_its_declaration_undoes_the_change(database: Database) -> None:
    def emit_broken(tx: Transaction) -> None:
        counter.add(tx, "n")
        tx.emit(counter.closed(tx.now, "n").model_copy(update={"fee": -1}))

    with pytest.raises(ValueError, match="fee"):
        database.run(emit_broken)
    assert database.read(counter.numbers) == {}


def test_a_commit_keeps_rows_and_events_and_wakes_who_waits(database: Database) -> None:
    woken: list[str] = []
    database.on_events = lambda _messages: woken.append("events")
    database.on_wake = woken.append

    def work(tx: Transaction) -> None:
        counter.add_and_say(tx, "n")
        tx.wake("count")
        assert woken == []

    database.run(work)
    assert database.read(counter.numbers) == {"n": 1}
    assert database.read(outbox.depth) == (1, NOON)
    assert woken == ["events", "count"]


def test_a_transaction_inside_a_transaction_is_refused(database: Database) -> None:
    with database.transaction(), pytest.raises(RuntimeError, match="inside a transaction"):
        database.run(counter.add, "n")
    database.run(counter.add, "n")
    assert database.read(counter.numbers) == {"n": 1}


def test_another_thread_is_not_inside_this_transaction(database: Database) -> None:
    seen: list[bool] = []
    with database.transaction():
        assert in_transaction()
        thread = threading.Thread(target=lambda: seen.append(in_transaction()))
        thread.start()
        thread.join()
    assert seen == [False]


def test_a_reader_sees_one_state_while_a_writer_commits(database: Database) -> None:
    database.run(counter.add, "n")
    with database.reading() as reading:
        assert counter.numbers(reading) == {"n": 1}
        with ThreadPoolExecutor(1) as pool:
            pool.submit(database.run, counter.add, "n").result()
        assert counter.numbers(reading) == {"n": 1}
    assert database.read(counter.numbers) == {"n": 2}


def test_a_locked_database_is_away_and_not_an_error_of_ours(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.engines.BUSY_TIMEOUT_MS", 50)
    other = Database(database.url, database.clock, database.settings, database.source)
    with ThreadPoolExecutor(1) as pool, database.transaction() as tx:
        counter.add(tx, "n")
        waiting = pool.submit(other.run, counter.add, "n")
        with pytest.raises(DatabaseAway, match="locked"):
            waiting.result()
    other.dispose()
    assert database.read(counter.numbers) == {"n": 1}


def test_a_violated_key_is_not_the_database_being_away(database: Database) -> None:
    def twice(tx: Transaction) -> None:
        tx.insert(counter.counts, [{"name": "n", "number": 1}, {"name": "n", "number": 2}])

    with pytest.raises(IntegrityError):
        database.run(twice)


def test_one_change_has_one_moment_and_the_companys_day(database: Database) -> None:
    def moments(tx: Transaction) -> tuple[datetime, str]:
        return tx.now, tx.today.isoformat()

    assert database.run(moments) == (NOON, "2026-03-10")


def test_many_rows_are_inserted_in_pieces(database: Database) -> None:
    rows = [{"name": f"n{i}", "number": i} for i in range(1_201)]
    database.run(lambda tx: tx.insert(counter.counts, rows))
    database.run(lambda tx: tx.insert(counter.counts, []))
    assert len(database.read(counter.numbers)) == 1_201


def test_a_moment_without_a_time_zone_is_not_stored(database: Database) -> None:
    naive = datetime(2026, 3, 10)  # noqa: DTZ001 (this is the point)
    row = {"user_id": "u", "role": "worker", "active": True, "epoch": 1, "changed_at": naive}
    with pytest.raises(StatementError, match="without a time zone"):
        database.run(lambda tx: tx.insert(access, [row]))


def test_the_file_is_set_up_to_lose_nothing(database: Database) -> None:
    def pragma(reading: Reading, name: str) -> object:
        return reading.connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
    assert {name: database.read(pragma, name) for name in wanted} == wanted


def test_the_error_of_a_statement_does_not_repeat_the_values_of_the_row(
    database: Database,
) -> None:
    row = {"name": "s3cret-value", "number": 1}
    with pytest.raises(IntegrityError) as failed, database.transaction() as tx:
        tx.insert(counter.counts, [row, row])
    assert "INSERT INTO counts" in str(failed.value)
    assert "s3cret-value" not in str(failed.value)


def test_a_database_without_a_free_connection_is_away_so_that_no_event_is_parked_for_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = create_engine(database.url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    monkeypatch.setattr(database, "engine", narrow)
    with database.reading(), pytest.raises(DatabaseAway), database.reading():
        raise AssertionError("there was one")
    with database.reading():
        pass
    narrow.dispose()

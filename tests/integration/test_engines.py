"""What the services need of a database, on SQLite and on MariaDB: one class of cases."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import tasks
from accounts.models import accounts, entries
from chassis import outbox
from chassis.database import Transaction
from chassis.migrations import (
    create_outbox_and_inbox,
    differences,
    keep_what_was_sent,
    part_the_lanes,
)
from contracts.tasks import TaskAssigned, TaskClosed
from popug.invariants import Views, all_invariants
from popug.system import system
from tests import mariadb
from tests.support import NAMES, NOON, Workbench

TASKS = "/tasks/api/v1/tasks"


@pytest.fixture
def bench(either_engine: Workbench) -> Workbench:
    return either_engine


def _assigned(number: int, user: str = "u1") -> TaskAssigned:
    return TaskAssigned(
        assignment_id=f"a{number}",
        task_id=f"t{number}",
        assignee_id=user,
        fee=1_000,
        reward=2_500,
        reason="created",
        assigned_at=NOON,
    )


def _closed(number: int, user: str = "u1") -> TaskClosed:
    return TaskClosed(
        task_id=f"t{number}", assignee_id=user, fee=1_000, reward=2_500, closed_at=NOON
    )


class TestEitherEngine:
    def test_migrated_tables_equal_the_declared_ones(self, bench: Workbench) -> None:
        for runtime in bench.embedded.runtimes.values():
            tables = runtime.service.metadata, outbox.metadata
            assert differences(runtime.database, *tables) == [], runtime.service.name

    def test_an_older_database_learns_what_its_events_are_about(self, bench: Workbench) -> None:
        """Back to the first form of one table, and forward again."""
        engine = bench.runtime("tasks").database.engine
        body = bench.envelope(_closed(1))
        with engine.execution_options(writes=True).connect() as connection, connection.begin():
            migration = MigrationContext.configure(connection)
            for table in ("outbox", "inbox", "commits"):
                connection.execute(text(f"DROP TABLE {table}"))
            with Operations.context(migration):
                create_outbox_and_inbox()
                connection.execute(
                    text(
                        "INSERT INTO inbox (event_id, type, payload, applied_at)"
                        " VALUES ('e', 't', :body, '2026-01-01 00:00:00')"
                    ),
                    {"body": body},
                )
                keep_what_was_sent()
                part_the_lanes()
            found = connection.execute(text("SELECT subject FROM inbox")).scalar_one()
        assert found == "t1"
        assert (
            differences(bench.runtime("tasks").database, tasks.service.metadata, outbox.metadata)
            == []
        )

    def test_the_whole_story_in_one_process(self, bench: Workbench) -> None:
        admin = bench.client("admin")
        ann = {
            "email": "ann@popug.test",
            "name": "Ann",
            "role": "worker",
            "password": "long enough",
        }
        ann_id = admin.post("/auth/api/v1/users", json=ann).get_json()["id"]
        popug = bench.client("worker", ann_id)
        made = [popug.post(TASKS, json={"title": f"Task {n}"}).get_json() for n in range(5)]
        assert bench.client("manager").post("/tasks/api/v1/shuffles").status_code == 202
        bench.settle()
        for task in made:
            assert popug.post(f"{TASKS}/{task['id']}/close").status_code == 200
        bench.settle()
        earned = sum(task["reward"] - 2 * task["fee"] for task in made)
        assert popug.get("/accounts/api/v1/accounts/me").get_json()["balance"] == earned
        bench.clock.advance(days=1)
        bench.settle()
        payouts = bench.client("admin").get("/billing/api/v1/payouts").get_json()["items"]
        assert [p["amount"] for p in payouts] == ([earned] if earned > 0 else [])
        days = bench.client("manager").get("/analytics/api/v1/days").get_json()["items"]
        assert days[-2]["profit"] == -earned
        assert days[-2]["losers"] == (1 if earned < 0 else 0)
        findings = all_invariants(Views(bench.embedded.runtimes))
        assert [f for f in findings if not f.ok] == []

    def test_entries_are_neither_changed_nor_deleted(self, bench: Workbench) -> None:
        bench.hear(_assigned(1), service="accounts")
        database = bench.runtime("accounts").database
        for statement in ("UPDATE entries SET sum = 0", "DELETE FROM entries"):

            def change(tx: Transaction, statement: str = statement) -> Any:
                return tx.connection.execute(text(statement))

            with pytest.raises(DBAPIError):
                database.run(change)
        assert database.read(lambda r: r.execute(entries.select()).all())

    def test_many_threads_post_at_once_and_no_cent_is_lost(self, bench: Workbench) -> None:
        failed: list[Exception] = []

        def deliver(lane: int) -> None:
            try:
                for number in range(lane * 20, lane * 20 + 20):
                    # Two lanes each hear the same events, in other envelopes.
                    bench.hear(_assigned(number % 80), _closed(number % 80), service="accounts")
            except Exception as error:  # noqa: BLE001 - told below
                failed.append(error)

        lanes = [threading.Thread(target=deliver, args=(lane,)) for lane in range(8)]
        for thread in lanes:
            thread.start()
        for thread in lanes:
            thread.join()
        assert failed == []
        balances = bench.runtime("accounts").database.read(
            lambda r: r.execute(accounts.select()).all()
        )
        assert [(b.user_id, b.balance) for b in balances] == [("u1", 80 * 1_500)]

    def test_a_rolled_back_change_leaves_nothing_and_sends_nothing(self, bench: Workbench) -> None:
        database = bench.runtime("tasks").database

        def broken(tx: Transaction) -> None:
            tx.emit(_assigned(1))
            tx.flush_events()
            raise LookupError("thought better of it")

        with pytest.raises(LookupError):
            database.run(broken)
        assert bench.emitted("tasks") == []
        database.run(lambda tx: tx.emit(_assigned(2)))
        assert [event.assignment_id for event in bench.emitted("tasks")] == ["a2"]


def test_relays_side_by_side_do_not_claim_the_same_rows(
    workbench: Callable[..., Workbench],
) -> None:
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.fresh_databases(NAMES) as url:
        bench = workbench(*system.services, database_url=url)
        database = bench.runtime("tasks").database
        database.run(lambda tx: tx.emit(*(_assigned(number) for number in range(10))))
        with database.engine.connect() as first, database.engine.connect() as second:
            one = outbox.claim(_looking(bench, first), 6)
            other = outbox.claim(_looking(bench, second), 6)
        assert len(one) == 6
        assert len(other) == 4
        assert {m.id for m in one}.isdisjoint(m.id for m in other)
        bench.close()


def _looking(bench: Workbench, connection: Any) -> Transaction:
    return Transaction(connection, NOON, bench.settings, "/popug/tasks")

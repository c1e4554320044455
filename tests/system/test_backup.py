"""Backups of a working system: what comes back is whole, and agrees with itself."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from bank.server import FILE_NAME as BANK
from chassis.settings import load_settings
from popug.backup import copy_to
from popug.system import system
from tests import mariadb, rabbitmq
from tests.nginx import SERVICES as NAMES
from tests.system import dump, split
from tests.system.company import Company
from tests.system.load import Journal, Load, check
from tests.system.running import RunningPopug
from tests.system.split import Servers, SplitPopug
from tests.waiting import wait_for


@pytest.fixture
def popug(tmp_path: Path) -> Iterator[RunningPopug]:
    running = RunningPopug(tmp_path / "original")
    running.start()
    running.add_admin()
    yield running
    running.stop()


class _CountingUp:
    """Counts a number up without a pause, in one database after the other."""

    def __init__(self, data: Path, names: list[str]) -> None:
        self._paths = [data / f"{name}.db" for name in names]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._count)
        self.rounds = 0

    def __enter__(self) -> "_CountingUp":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def wait_for_more(self) -> None:
        before = self.rounds
        wait_for(lambda: self.rounds > before, "another round")

    def _count(self) -> None:
        with ExitStack() as stack:
            databases = [
                stack.enter_context(closing(sqlite3.connect(path, timeout=30)))
                for path in self._paths
            ]
            while not self._stopped.is_set():
                for database in databases:
                    with database:
                        database.execute("UPDATE rounds_counted SET number = number + 1")
                self.rounds += 1


def _number(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT number FROM rounds_counted").fetchone()[0])


def test_a_copy_taken_under_load_is_a_whole_system(popug: RunningPopug, tmp_path: Path) -> None:
    company = Company(popug.url, workers=4)
    journal = Journal()
    load = Load(company, journal)
    copies = []
    for number in range(3):
        before = len(journal.created)
        threads = load.run_for(popug.url, 0.5)
        wait_for(lambda before=before: len(journal.created) > before, "the load")  # type: ignore[misc]
        acknowledged = journal.so_far()
        folder = tmp_path / f"copy-{number}"
        made = popug.command("backup", str(folder))
        assert made.returncode == 0, made.stderr
        copies.append((folder, acknowledged))
        load.stop()
        for thread in threads:
            thread.join()
    popug.stop()
    for folder, acknowledged in copies:
        assert acknowledged.created, "the load must have done something"
        assert (folder / BANK).exists() and (folder / "keys/bank.key").exists()
        restored = RunningPopug(tmp_path / "restored", POPUG_DATA=str(folder))
        restored.start()
        try:
            check(restored, company, acknowledged)
        finally:
            assert restored.stop() == 0


def test_a_copy_shows_all_databases_at_one_moment(popug: RunningPopug, tmp_path: Path) -> None:
    """A number that is counted up in one database after the other is never seen torn."""
    data = Path(popug.environment["POPUG_DATA"])
    popug.stop()
    names = [*system.names, BANK.removesuffix(".db")]
    for name in names:
        with sqlite3.connect(data / f"{name}.db") as database:
            database.execute("CREATE TABLE rounds_counted (number INTEGER)")
            database.execute("INSERT INTO rounds_counted VALUES (0)")
        database.close()
    with _CountingUp(data, names) as counting:
        for number in range(5):
            counting.wait_for_more()
            copy_to(tmp_path / f"copy-{number}", load_settings({}, data=data))
    for number in range(5):
        seen = [_number(tmp_path / f"copy-{number}" / f"{name}.db") for name in names]
        assert seen == sorted(seen, reverse=True), "an effect without its cause"
        assert seen[0] - seen[-1] <= 1, seen
    assert seen[0] > 0


def test_a_backup_is_refused_where_it_would_replace_something_or_copy_nothing(
    popug: RunningPopug, tmp_path: Path
) -> None:
    there = popug.command("backup", str(tmp_path))
    assert there.returncode == 1
    assert "is there already" in there.stderr
    nothing = RunningPopug(tmp_path / "empty")
    refused = nothing.command("backup", str(tmp_path / "copy"))
    assert refused.returncode == 1
    assert "holds no" in refused.stderr
    server = RunningPopug(
        tmp_path / "server", POPUG_DATABASE_URL="mysql+pymysql://u@localhost/popug_{service}"
    ).command("backup", str(tmp_path / "copy"))
    assert server.returncode == 1
    assert "dump them with its own tool" in server.stderr
    assert not (tmp_path / "copy").exists()


def test_a_dump_of_a_server_taken_under_load_loses_nothing_that_was_on_its_way(
    tmp_path: Path,
) -> None:
    """The queues are lost with everything in them; the outboxes send it again."""
    missing = split.why_not() or dump.why_not()
    if missing:
        pytest.skip(missing)
    file = tmp_path / "popug.sql"
    with mariadb.limited_databases(NAMES) as databases:
        names = [databases.user.replace("{service}", name) for name in NAMES]
        with rabbitmq.fresh_vhost() as queues:
            popug = SplitPopug(tmp_path / "original", Servers(databases, queues))
            popug.start()
            try:
                company, acknowledged = _dump_under_load(popug, names, file)
            finally:
                popug.stop()
        dump.restore(file)
        with rabbitmq.fresh_vhost() as queues:
            restored = SplitPopug(tmp_path / "restored", Servers(databases, queues))
            shutil.copytree(tmp_path / "original/data/keys", tmp_path / "restored/data/keys")
            # The bank's book and key, taken after the dump.
            for name in (BANK, "bank.key"):
                shutil.copy(tmp_path / "original/data" / name, tmp_path / "restored/data")
            restored.start()
            try:
                before = restored.command("reconcile", "--wait", "0")
                assert before.returncode == 1, "what was in the queues must be missing"
                again = restored.command("resend", "--since", "2020-01-01T00:00")
                assert again.returncode == 0, again.stderr
                check(restored, company, acknowledged)
            finally:
                restored.stop()


def _sent(databases: list[str]) -> int:
    """How many events tasks has sent so far."""
    (tasks,) = [name for name in databases if name.endswith("_tasks")]
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM `{tasks}`.outbox WHERE sent_at IS NOT NULL")
        row = cursor.fetchone()
    assert row
    return int(row[0])


def _dump_under_load(
    popug: SplitPopug, databases: list[str], file: Path
) -> tuple[Company, Journal]:
    """Dump while events wait in the queues; gives what was acknowledged before."""
    popug.add_admin()
    company = Company(popug.url, workers=4)
    journal = Journal()
    load = Load(company, journal)
    threads = load.run_for(popug.url, 1)
    for name in ("accounts", "analytics"):
        popug.processes.pause(f"worker-{name}")
    sent = _sent(databases)
    wait_for(lambda: _sent(databases) > sent + 20, "events that are sent and not applied")
    acknowledged = journal.so_far()
    dump.dump(databases, file)
    load.stop()
    for thread in threads:
        thread.join()
    for name in ("accounts", "analytics"):
        popug.processes.go_on(f"worker-{name}")
    return company, acknowledged

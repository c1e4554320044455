"""What MariaDB and MySQL do beyond SQLite: locks, lost connections, limits, strictness."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DataError, DBAPIError

from chassis import engines, inbox, outbox, parking
from chassis.access import access
from chassis.clock import SystemClock
from chassis.database import Database, DatabaseAway, Reading, Transaction
from chassis.database_errors import error_code
from chassis.relay import Relay
from contracts.tasks import TaskClosed
from tests import mariadb
from tests.integration.chassis import counter
from tests.servers import mariadb as own_mariadb
from tests.servers.mariadb import MariaDbServer
from tests.servers.proxy import Proxy
from tests.support import NOON, Workbench
from tests.waiting import wait_for

Workbenches = Callable[..., Workbench]


@pytest.fixture
def url() -> Iterator[str]:
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.fresh_databases(["counter"]) as url:
        yield url


@pytest.fixture
def bench(url: str, workbench: Workbenches) -> Workbench:
    return workbench(counter.service, database_url=url)


@pytest.fixture
def database(bench: Workbench) -> Database:
    return bench.runtime().database


def _scalar(reading: Reading, statement: str) -> Any:
    return reading.connection.exec_driver_sql(statement).scalar_one()


def _hold(tx: Transaction, name: str) -> int:
    """The count of this name, locked until the transaction ends."""
    return int(
        tx.execute(
            select(counter.counts.c.number).where(counter.counts.c.name == name).with_for_update()
        ).scalar_one()
    )


def test_a_second_look_in_one_transaction_sees_what_others_have_committed(
    database: Database,
) -> None:
    database.run(counter.add, "n")
    with database.reading() as reading:
        assert counter.numbers(reading) == {"n": 1}
        database.run(counter.add, "n")
        assert counter.numbers(reading) == {"n": 2}, "READ COMMITTED"


def test_sessions_are_strict_and_in_utc_whatever_the_server_is_set_to(database: Database) -> None:
    with database.reading() as reading:
        assert set(engines.SQL_MODE.split(",")) == set(
            _scalar(reading, "SELECT @@SESSION.sql_mode").split(",")
        )
        assert _scalar(reading, "SELECT @@SESSION.time_zone") == "+00:00"
    with pytest.raises(DataError):
        database.run(counter.add, "x" * 65)
    with pytest.raises(DataError):
        database.run(counter.add, "n", 2**31)
    assert database.read(counter.numbers) == {}, "nothing is cut to fit"


def test_a_moment_is_the_same_for_a_session_in_any_time_zone(database: Database) -> None:
    row = {"user_id": "u", "role": "worker", "active": True, "epoch": 1, "changed_at": NOON}
    database.run(lambda tx: tx.insert(access, [row]))
    with database.engine.connect() as connection:
        for zone in ("+00:00", "+05:30", "-11:00"):
            connection.exec_driver_sql(f"SET SESSION time_zone = '{zone}'")
            assert connection.execute(select(access.c.changed_at)).scalar_one() == NOON


def test_a_deadlock_is_tried_again_and_both_changes_are_made(database: Database) -> None:
    database.run(counter.add, "a", 0)
    database.run(counter.add, "b", 0)
    both_hold_one = threading.Barrier(2, timeout=20)
    calls: Counter[str] = Counter()

    def add_to(tx: Transaction, first: str, second: str) -> None:
        calls[first] += 1
        _hold(tx, first)
        if calls[first] == 1:
            both_hold_one.wait()
        _hold(tx, second)
        counter.add(tx, first)
        counter.add(tx, second)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(database.run, add_to, *pair) for pair in ("ab", "ba")]:
            done.result()
    assert database.read(counter.numbers) == {"a": 2, "b": 2}
    assert sorted(calls.values()) == [1, 2], "there was a deadlock, and one of them came again"


def test_a_deadlock_inside_an_attempt_undoes_the_whole_and_is_tried_again(
    database: Database,
) -> None:
    database.run(counter.add, "a", 0)
    database.run(counter.add, "b", 0)
    both_hold_one = threading.Barrier(2, timeout=20)
    calls: Counter[str] = Counter()

    def add_to(tx: Transaction, first: str, second: str) -> None:
        calls[first] += 1
        counter.add(tx, first)
        if calls[first] == 1:
            both_hold_one.wait()
        with tx.attempt():
            counter.add(tx, second)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(database.run, add_to, *pair) for pair in ("ab", "ba")]:
            done.result()
    assert database.read(counter.numbers) == {"a": 2, "b": 2}
    assert sorted(calls.values()) == [1, 2]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that wait one second for a lock."""
    short = [s.replace(f"={engines.LOCK_WAIT_SECONDS}", "=1") for s in engines.AT_CONNECT]
    assert tuple(short) != engines.AT_CONNECT
    monkeypatch.setattr(engines, "AT_CONNECT", short)


@pytest.mark.usefixtures("impatient")
def test_a_lock_that_was_held_too_long_is_waited_for_again(database: Database) -> None:
    database.run(counter.add, "n")
    calls: Counter[str] = Counter()
    with database.engine.connect() as other, other.begin() as held:
        other.execute(select(counter.counts).with_for_update()).all()

        def add(tx: Transaction) -> None:
            calls["n"] += 1
            if calls["n"] == 2:
                held.rollback()
            counter.add(tx, "n")

        database.run(add)
    assert calls["n"] == 2
    assert database.read(counter.numbers) == {"n": 2}


@pytest.mark.usefixtures("impatient")
def test_a_lock_that_is_never_let_go_is_a_database_that_is_away(database: Database) -> None:
    database.run(counter.add, "n")
    with database.engine.connect() as other, other.begin():
        other.execute(select(counter.counts).with_for_update()).all()
        for run in (database.run, database.run_idempotent):
            with pytest.raises(DatabaseAway, match="1205"):
                run(counter.add, "n")


class _Collector:
    """A broker that only remembers what it was given."""

    keeps_messages = True

    def __init__(self) -> None:
        self.taken: list[str] = []

    def publish(self, messages: Sequence[outbox.Message]) -> None:
        time.sleep(0.01)  # the others find these rows locked
        self.taken += [message.id for message in messages]


def test_four_relays_at_once_send_every_event_exactly_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.relay.MOST_AT_ONCE", 7)
    event = TaskClosed(task_id="t", assignee_id="u", fee=1, reward=1, closed_at=NOON)
    for _ in range(20):
        database.run(lambda tx: tx.emit(*[event] * 10))
    broker = _Collector()
    relays = [Relay(f"n{n}", database, broker) for n in range(4)]  # type: ignore[arg-type]
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda relay: relay.send_waiting(), relays))
    # Who finds all rows in others' hands is done for now; one more look takes what is left.
    sent.append(relays[0].send_waiting())
    assert sum(sent) == len(broker.taken) == len(set(broker.taken)) == 200
    assert sum(1 for number in sent if number) > 1, "they have shared the work"


def _connections(url: str) -> int:
    name = url.rpartition("/")[2].replace("{service}", "counter")
    with mariadb.connect() as administrator, administrator.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", [name])
        return len(cursor.fetchall())


def _kill_all(url: str) -> int:
    name = url.rpartition("/")[2].replace("{service}", "counter")
    with mariadb.connect() as administrator, administrator.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", [name])
        found = [number for (number,) in cursor.fetchall()]
        for number in found:
            cursor.execute(f"KILL {number}")
    return len(found)


def test_connections_that_were_ended_are_replaced_unnoticed_and_none_is_leaked(
    database: Database, url: str
) -> None:
    database.run(counter.add, "n", 0)
    for _ in range(10):
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda _: database.run(counter.add, "n"), range(12)))
        assert _kill_all(url)
        # Who looks first, and who writes first, finds a connection that has ended.
        assert database.read(counter.numbers)["n"] % 12 == 0
        assert _kill_all(url)
    assert database.read(counter.numbers) == {"n": 120}
    assert _connections(url) <= engines.POOL_SIZE + engines.OVERFLOW
    database.dispose()
    wait_for(lambda: _connections(url) == 0, "all connections to be closed")


def test_what_was_lost_after_a_while_is_not_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "TOLD_SECONDS", -1.0)
    database.run(counter.add, "n")
    assert _kill_all(database.url)
    with pytest.raises(DatabaseAway):
        database.read(counter.numbers)
    assert database.read(counter.numbers) == {"n": 1}


def test_a_query_that_somebody_stops_is_a_database_that_is_away(
    database: Database, url: str
) -> None:
    def stop_it() -> None:
        with mariadb.connect() as administrator, administrator.cursor() as cursor:

            def running() -> Any:
                cursor.execute(
                    "SELECT id FROM information_schema.processlist"
                    " WHERE info LIKE '%%benchmark(%%' AND db = %s",
                    [url.rpartition("/")[2].replace("{service}", "counter")],
                )
                return cursor.fetchone()

            cursor.execute(f"KILL QUERY {wait_for(running, 'the query to run')[0]}")

    with ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(stop_it)
        with pytest.raises(DatabaseAway, match="1317"):
            database.read(
                lambda r: (
                    _scalar(r, "SELECT benchmark(100000000000, sha2('a', 512)) FROM access")
                    if r.connection.execute(access.insert(), _row()).rowcount
                    else None
                )
            )
        stopped.result()


def _row() -> dict[str, Any]:
    return {"user_id": "u", "role": "worker", "active": True, "epoch": 1, "changed_at": NOON}


def test_too_many_connections_are_a_database_that_is_away(bench: Workbench, url: str) -> None:
    name = url.rpartition("/")[2].replace("{service}", "counter")
    user = name.removesuffix("_counter")
    with mariadb.connect() as administrator, administrator.cursor() as cursor:
        cursor.execute(f"CREATE USER '{user}'@'%%' IDENTIFIED BY 'pw' WITH MAX_USER_CONNECTIONS 1")
        try:
            cursor.execute(f"GRANT SELECT ON `{name}`.* TO '{user}'@'%%'")
            limited = Database(
                f"mysql+pymysql://{user}:pw@{mariadb.SERVER}/{name}",
                SystemClock(),
                bench.settings,
                "/popug/counter",
            )
            with limited.reading(), pytest.raises(DatabaseAway, match=r"1226|1203"):
                limited.read(counter.numbers)
            assert limited.read(counter.numbers) == {}
            limited.dispose()
        finally:
            cursor.execute(f"DROP USER '{user}'@'%%'")


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    host, _, port = mariadb.SERVER.partition(":")
    assert host in ("127.0.0.1", "localhost")
    proxy = Proxy(int(port or 3306))
    proxy.start()
    yield proxy
    proxy.stop()


def test_a_server_in_a_black_hole_holds_nobody_up_for_ever(
    url: str, workbench: Workbenches, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    through = url.replace(mariadb.SERVER, proxy.address)
    bench = workbench(counter.service, database_url=through)
    monkeypatch.setattr(engines, "ANSWER_SECONDS", 4)
    monkeypatch.setattr(engines, "CONNECT_SECONDS", 4)
    database = Database(bench.runtime().database.url, bench.clock, bench.settings, "/popug/counter")
    database.run(counter.add, "n")
    proxy.hold()
    begun = time.monotonic()
    for _ in range(2):  # with the pool's connection, and with a new one
        with pytest.raises(DatabaseAway):
            database.read(counter.numbers)
    assert time.monotonic() - begun < 20
    proxy.cut(reset=True)
    proxy.resume()
    assert database.read(counter.numbers) == {"n": 1}
    database.dispose()


def test_a_row_larger_than_a_packet_is_refused_or_cuts_the_line_and_nothing_is_stored(
    database: Database,
) -> None:
    """Servers cut the line well below the limit already: a quarter of it is safe."""
    most = database.read(_scalar, "SELECT @@max_allowed_packet")
    fits = {"event_id": "a", "type": "t", "payload": b"x" * (most // 4), "created_at": NOON}
    database.run(lambda tx: tx.insert(outbox.outbox, [fits]))
    larger = {**fits, "event_id": "b", "payload": b"x" * (most + 1)}
    with pytest.raises((DBAPIError, DatabaseAway)) as refused:
        database.run_idempotent(lambda tx: tx.insert(outbox.outbox, [larger]))
    if isinstance(refused.value, DBAPIError):
        assert error_code(refused.value) == 1153
    ids = database.read(lambda r: r.execute(select(outbox.outbox.c.event_id)).scalars().all())
    assert ids == ["a"], "the connection was opened again"


def test_many_large_rows_go_in_several_statements(database: Database) -> None:
    rows = [
        {"event_id": f"e{n}", "type": "t", "payload": b"x" * 500_000, "created_at": NOON}
        for n in range(100)
    ]
    database.run(lambda tx: tx.insert(outbox.outbox, rows))
    assert database.read(_scalar, "SELECT count(*) FROM outbox") == 100


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[MariaDbServer]:
    """A server whose settings may be changed."""
    reason = own_mariadb.why_not()
    if reason:
        pytest.skip(reason)
    server = MariaDbServer(tmp_path / "server")
    server.start()
    yield server
    server.stop()


def _set(server: MariaDbServer, setting: str) -> None:
    with mariadb.connect(server.address) as administrator, administrator.cursor() as cursor:
        cursor.execute(f"SET GLOBAL {setting}")


def test_settings_of_a_server_that_make_it_refuse_or_forget_us_are_survived(
    own_server: MariaDbServer, workbench: Workbenches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "IDLE_SECONDS", 3)
    with mariadb.limited_databases(["counter"], own_server.address) as databases:
        _set(own_server, "sql_mode = ''")
        _set(own_server, "time_zone = '+07:00'")
        bench = workbench(counter.service, database_url=databases.owner_url)
        database = bench.runtime().database
        database.run(counter.add, "n")

        _set(own_server, "read_only = 1")
        with pytest.raises(DatabaseAway, match="1290"):
            database.run(counter.add, "n")
        assert database.read(counter.numbers) == {"n": 1}
        _set(own_server, "read_only = 0")
        database.run(counter.add, "n")

        with pytest.raises(DataError):
            database.run(counter.add, "x" * 65)
        idle = _idle(database)
        wait_for(lambda: not _lives(own_server, idle), "the server to end what was idle")
        assert database.read(counter.numbers) == {"n": 2}


def _idle(database: Database) -> int:
    """The number of the pool's connection that is used next."""
    return int(database.read(_scalar, "SELECT CONNECTION_ID()"))


def _lives(server: MariaDbServer, number: int) -> bool:
    with mariadb.connect(server.address) as administrator, administrator.cursor() as cursor:
        cursor.execute("SELECT 1 FROM information_schema.processlist WHERE id = %s", [number])
        return cursor.fetchone() is not None


def test_a_server_that_is_full_is_waited_for(
    own_server: MariaDbServer, workbench: Workbenches
) -> None:
    with mariadb.limited_databases(["counter"], own_server.address) as databases:
        database = workbench(counter.service, database_url=databases.owner_url).runtime().database
        database.run(counter.add, "n")
        _set(own_server, "max_connections = 10")
        taken: list[Connection] = []
        with pytest.raises(DatabaseAway, match="1040"), database.reachable():
            for _ in range(12):
                taken.append(database.engine.connect())
                taken[-1].execute(text("SELECT 1"))
        for connection in taken:
            connection.close()
        assert database.read(counter.numbers) == {"n": 1}


def test_a_server_that_was_restarted_is_met_by_every_connection_anew(
    own_server: MariaDbServer, workbench: Workbenches
) -> None:
    with mariadb.fresh_databases(["counter"], own_server.address) as url:
        database = workbench(counter.service, database_url=url).runtime().database
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda _: database.run(counter.add, "n"), range(12)))
            own_server.kill()
            own_server.start()
            list(pool.map(lambda _: database.run(counter.add, "n"), range(12)))
        assert database.read(counter.numbers) == {"n": 24}


def test_locks_of_a_client_that_is_heard_of_no_more_are_let_go(
    url: str, workbench: Workbenches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "IDLE_SECONDS", 3)
    database = workbench(counter.service, database_url=url).runtime().database
    database.run(counter.add, "n")
    with pytest.raises(DatabaseAway), database.transaction() as tx:
        _hold(tx, "n")
        # Says nothing more, as one whose machine has lost its power.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(database.run, counter.add, "n").result()
        counter.add(tx, "n")
    assert database.read(counter.numbers) == {"n": 2}


def test_an_event_that_another_worker_applies_at_this_moment_is_not_parked(
    bench: Workbench, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice between the look and the insert: once as a batch, once alone."""
    consumer = bench.runtime().consumer
    bodies = [bench.envelope(counter.assigned(bench.clock, name)) for name in ("a", "b")]
    look = inbox.applied
    others = iter(bodies)

    def look_too_early(tx: Transaction, ids: list[str]) -> set[str]:
        seen = look(tx, ids)
        if threading.current_thread() is threading.main_thread():
            for body in itertools.islice(others, 1):
                _elsewhere(consumer.deliver, [body])
        return seen

    monkeypatch.setattr(inbox, "applied", look_too_early)
    consumer.deliver(bodies[::-1])
    assert database.read(counter.numbers) == {"a": 1, "b": 1}
    assert database.read(parking.count) == 0


def _elsewhere(work: Callable[..., object], *arguments: object) -> None:
    with ThreadPoolExecutor(1) as another:
        another.submit(work, *arguments).result(timeout=20)

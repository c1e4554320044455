"""Connections that are lost at the moment of COMMIT: each change is made exactly once."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from chassis import once
from chassis.commits import commits
from chassis.database import Database, DatabaseAway, OutcomeUnknown, Transaction
from contracts.tasks import TaskClosed
from tests import mariadb
from tests.integration.chassis import counter
from tests.servers import mariadb as own_mariadb
from tests.servers.commit_cutter import CommitCutter, Fate
from tests.servers.mariadb import MariaDbServer
from tests.support import NOON, Workbench
from tests.waiting import wait_for

Workbenches = Callable[..., Workbench]
CHANGES_FOR_EACH = 40
CHANGES_AT_A_KILL = 4
KILLS = 3


@pytest.fixture
def cutter(workbench: Workbenches) -> Iterator[tuple[CommitCutter, Workbench]]:
    """The counter on a server, behind a proxy that cuts COMMITs."""
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.fresh_databases(["counter"]) as url, CommitCutter(mariadb.SERVER) as proxy:
        # The proxy must be able to read what is said.
        through = url.replace(mariadb.SERVER, proxy.address) + "?ssl_disabled=true"
        yield proxy, workbench(counter.service, database_url=through)


def _count(tx: Transaction, name: str, calls: "Counter[str]") -> str:
    """A change that shows when it is made twice: no unique key stands in its way."""
    calls[name] += 1
    counter.add(tx, name)
    tx.emit(TaskClosed(task_id=name, assignee_id="u", fee=1, reward=1, closed_at=NOON))
    tx.wake("count")
    return f"{name}, call {calls[name]}"


@pytest.mark.parametrize("fate", Fate)
def test_a_change_whose_commit_is_cut_is_made_exactly_once(
    cutter: tuple[CommitCutter, Workbench], fate: Fate
) -> None:
    proxy, bench = cutter
    database = bench.runtime().database
    calls: Counter[str] = Counter()
    told: Counter[str] = Counter()
    database.on_events = lambda _messages: told.update(["events"])
    database.on_wake = lambda job: told.update([job])
    names = [f"n{number}" for number in range(CHANGES_FOR_EACH)]
    for name in names:
        proxy.next_commits(fate)
        given = database.run(_count, name, calls)
        assert given == f"{name}, call {calls[name]}", "what the try gave that was committed"
    assert proxy.cut == len(names)
    assert database.read(counter.numbers) == dict.fromkeys(names, 1)
    assert Counter(event.task_id for event in bench.emitted()) == Counter(names)
    assert told == {"events": len(names), "count": len(names)}, "each is told of once"
    again = sum(number - 1 for number in calls.values())
    print(f"{fate.name}: {proxy.cut} commits cut, {again} made again")
    if fate is not Fate.NOT_WAITED_FOR:
        assert again == (len(names) if fate is Fate.NEVER_SENT else 0)


def test_it_may_be_cut_again_and_again_from_many_threads(
    cutter: tuple[CommitCutter, Workbench],
) -> None:
    proxy, bench = cutter
    database = bench.runtime().database
    calls: Counter[str] = Counter()
    fates = [Fate.NOT_ANSWERED, Fate.NEVER_SENT, Fate.NOT_WAITED_FOR] * 20
    proxy.next_commits(*fates)
    names = [f"n{number}" for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: database.run(_count, name, calls), names))
    assert proxy.cut == len(fates)
    assert database.read(counter.numbers) == dict.fromkeys(names, 1)
    assert database.read(
        lambda r: r.execute(select(func.count()).select_from(commits)).scalar()
    ) == len(names)


def test_a_connection_that_is_lost_before_the_commit_is_taken_up_again(
    cutter: tuple[CommitCutter, Workbench],
) -> None:
    _, bench = cutter
    database = bench.runtime().database
    calls: Counter[str] = Counter()

    def lost_at_first(tx: Transaction) -> str:
        if not calls["n"]:
            with mariadb.connect() as administrator, administrator.cursor() as cursor:
                mine = tx.connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
                cursor.execute(f"KILL {mine}")
        return _count(tx, "n", calls)

    assert database.run(lost_at_first) == "n, call 2"
    assert database.read(counter.numbers) == {"n": 1}


def test_what_stays_unknown_is_said_to_be_unknown(
    cutter: tuple[CommitCutter, Workbench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once, "PATIENCE_SECONDS", 0.3)
    proxy, bench = cutter
    database = bench.runtime().database
    proxy.next_commits(Fate.NOT_ANSWERED, *[Fate.NEVER_SENT] * 100)
    with pytest.raises(OutcomeUnknown):
        database.run(_count, "n", Counter())
    proxy.next_commits(Fate.NOT_ANSWERED, *[Fate.NEVER_SENT] * 100)
    page = bench.client("worker", "u1").post("/counter/add/m")
    assert page.status_code == 503
    assert page.headers["Retry-After"]
    assert "It is not known whether it was saved" in page.get_data(as_text=True)


def test_a_caller_who_comes_again_anyway_leaves_no_mark_and_is_told_at_once(
    cutter: tuple[CommitCutter, Workbench],
) -> None:
    proxy, bench = cutter
    database = bench.runtime().database
    proxy.next_commits(Fate.NOT_ANSWERED)
    with pytest.raises(DatabaseAway):
        database.run_idempotent(counter.add, "n")
    assert database.read(counter.numbers) == {"n": 1}
    assert not database.read(lambda r: r.execute(select(commits)).all())


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[MariaDbServer]:
    """A server that may be killed."""
    reason = own_mariadb.why_not()
    if reason:
        pytest.skip(reason)
    server = MariaDbServer(tmp_path / "server")
    server.start()
    yield server
    server.stop()


def test_a_server_that_is_killed_under_commits_loses_and_doubles_nothing(
    own_server: MariaDbServer, workbench: Workbenches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once, "PATIENCE_SECONDS", 120)  # however long its start takes
    with mariadb.fresh_databases(["counter"], own_server.address) as url:
        bench = workbench(counter.service, database_url=url)
        database = bench.runtime().database
        stopped = threading.Event()
        calls: Counter[str] = Counter()

        def change_until_stopped(lane: int) -> Counter[str]:
            done: Counter[str] = Counter()
            while not stopped.is_set():
                name = f"lane-{lane}-{sum(done.values())}"
                try:
                    database.run(_count, name, calls)
                except OutcomeUnknown:
                    raise
                except DatabaseAway:
                    time.sleep(0.05)  # refused at the door: nothing was changed
                else:
                    done[name] += 1
            return done

        with ThreadPoolExecutor(CHANGES_AT_A_KILL) as pool:
            lanes = [pool.submit(change_until_stopped, n) for n in range(CHANGES_AT_A_KILL)]
            try:
                for _ in range(KILLS):
                    more = len(calls) + 50
                    wait_for(lambda goal=more: len(calls) > goal, "changes to be made")  # type: ignore[misc]
                    own_server.kill()
                    own_server.start()
            finally:
                stopped.set()
                done = sum((lane.result() for lane in lanes), Counter[str]())
        assert database.read(counter.numbers) == done
        assert set(done.values()) == {1}
        assert Counter(event.task_id for event in bench.emitted()) == done


def test_a_database_that_is_gone_is_told_at_once(
    own_server: MariaDbServer, workbench: Workbenches
) -> None:
    with mariadb.fresh_databases(["counter"], own_server.address) as url:
        database: Database = workbench(counter.service, database_url=url).runtime().database
        own_server.kill()
        begun = time.monotonic()
        with pytest.raises(DatabaseAway) as away:
            database.run(counter.add, "n")
        assert not isinstance(away.value, OutcomeUnknown)
        assert time.monotonic() - begun < once.PATIENCE_SECONDS / 2
        own_server.start()
        database.run(counter.add, "n")
        assert database.read(counter.numbers) == {"n": 1}

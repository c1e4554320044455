"""Parked events: grouped, retried or dropped by exactly one person, and recorded."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from chassis import deciding, decisions, inbox, parking
from chassis.database import Database
from chassis.deciding import Who
from chassis.decisions import DROP, RETRY, BeingDecided, Decision, NoSuchGroup
from chassis.parking import DecidedAlready
from chassis.reasons import key_of, shape
from contracts.tasks import TaskAssigned
from tests import mariadb
from tests.integration.chassis import counter
from tests.support import Workbench

ADA, BOB = Who("u-ada", "Ada"), Who("u-bob", "Bob")


@pytest.fixture(params=["sqlite", "mariadb"])
def bench(
    request: pytest.FixtureRequest, workbench: Callable[..., Workbench]
) -> Iterator[Workbench]:
    """The counter on either engine."""
    if request.param == "sqlite":
        yield workbench(counter.service)
        return
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.fresh_databases(["counter"]) as url:
        bench = workbench(counter.service, database_url=url)
        yield bench
        bench.close()


@pytest.fixture
def database(bench: Workbench) -> Database:
    return bench.runtime().database


class Cure:
    """Makes the counter refuse certain names until it is cured."""

    def __init__(self, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bad: set[str] = set()
        kind = TaskAssigned.type
        handler = counter.handlers.by_type[kind]

        def moody(tx: Any, events: Any) -> None:
            handler(tx, events)
            for event in events:
                if event.data.assignee_id in self.bad:
                    raise counter.Indigestible(f"{event.data.assignee_id} of {event.id}")

        monkeypatch.setitem(counter.handlers.by_type, kind, moody)
        self._bench = bench

    def park(self, *names: str) -> None:
        """Have events for these names parked."""
        self.bad |= set(names)
        self._bench.hear(*(counter.assigned(self._bench.clock, name) for name in names))


@pytest.fixture
def cure(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Cure:
    return Cure(bench, monkeypatch)


def _group(database: Database) -> parking.Group:
    (group,) = database.read(parking.groups)
    return group


def _decision(database: Database, decision_id: str) -> Decision:
    return database.read(decisions.find, decision_id)


def _figures(decision: Decision) -> tuple[str, int, int, int]:
    return decision.status, decision.total, decision.settled, decision.failed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KeyError: 'u-17'", "KeyError: 'u-400'"),
        (
            "no user 0198f0a4-7c11-7000-8000-1234567890ab",
            "no user 0198F0A4-0000-7000-8000-1234567890AC",
        ),
        ("Duplicate entry 't4711' (1062)", "Duplicate entry 'a99' (1063)"),
        ("not JSON: line 1 column 12", "not JSON: line 3 column 4"),
    ],
)
def test_reasons_that_differ_in_ids_and_numbers_are_one_group(one: str, other: str) -> None:
    assert key_of("t", one) == key_of("t", other)
    assert key_of("t", one) != key_of("u", other)


def test_reasons_that_differ_in_words_are_two_groups() -> None:
    assert shape("version v2 is not known") == "version v2 is not known"
    assert key_of("t", "KeyError: 'a'") != key_of("t", "KeyError: 'b'")


def test_a_group_is_retried_in_pieces_and_the_bad_ones_stay_with_the_new_reason(
    bench: Workbench, database: Database, cure: Cure
) -> None:
    names = [f"n{number}" for number in range(10, 260)]
    cure.park(*names)
    bench.clock.advance(hours=1)
    group = _group(database)
    assert (group.count, group.reason) == (250, "Indigestible: … of …")
    cure.bad = {"n77"}
    decision_id = database.run(deciding.begin, RETRY, group.key, ADA)
    pieces = 0
    while deciding.work_on(bench.runtime()):
        pieces += 1
        done = _decision(database, decision_id)
        assert done.settled + done.failed == min(pieces * deciding.PIECE, 250)
    assert pieces == 3
    assert _figures(_decision(database, decision_id)) == ("done", 250, 249, 1)
    (left,) = database.read(parking.waiting)
    assert left.reason.startswith("Indigestible: n77 of ")
    assert left.attempts == 2
    assert "Traceback" in left.detail
    assert database.read(counter.numbers) == dict.fromkeys(set(names) - {"n77"}, 1)
    # What the handler said of each is on its way, of the bad one nothing.
    assert sorted(event.task_id for event in bench.emitted()) == sorted(set(names) - {"n77"})


def test_a_retried_event_that_was_applied_meanwhile_is_applied_once(
    bench: Workbench, database: Database, cure: Cure
) -> None:
    cure.park("n1")
    (event,) = database.read(parking.waiting)
    cure.bad = set()
    bench.runtime().consumer.deliver([event.payload])
    database.run(deciding.retry_one, bench.runtime().consumer, event.id, ADA)
    assert database.read(counter.numbers) == {"n1": 1}
    assert database.read(parking.count) == 0


def test_of_a_group_one_decision_at_a_time(database: Database, cure: Cure) -> None:
    cure.park("n10", "n11")
    key = _group(database).key
    database.run(deciding.begin, RETRY, key, ADA)
    with pytest.raises(BeingDecided, match="Ada"):
        database.run(deciding.begin, DROP, key, BOB, "no longer wanted")
    with pytest.raises(NoSuchGroup):
        database.run(deciding.begin, RETRY, "0" * 32, BOB)


def test_what_is_parked_after_the_decision_is_no_part_of_it(
    bench: Workbench, database: Database, cure: Cure
) -> None:
    cure.park("n10", "n11")
    decision_id = database.run(deciding.begin, DROP, _group(database).key, ADA, "a test")
    cure.park("n12")
    bench.settle()
    assert _figures(_decision(database, decision_id)) == ("done", 2, 2, 0)
    assert database.read(parking.count) == 1


def test_all_groups_are_retried_at_once(bench: Workbench, database: Database, cure: Cure) -> None:
    cure.park("n10", "parrot")
    bench.runtime().consumer.deliver([b"garbage"])
    assert len(database.read(parking.groups)) == 3
    cure.bad = set()
    decision_id = database.run(deciding.begin, RETRY, None, ADA)
    bench.settle()
    assert _figures(_decision(database, decision_id)) == ("done", 3, 2, 1)


def test_two_who_decide_of_one_event_at_once_exactly_one_wins(
    bench: Workbench, database: Database, cure: Cure
) -> None:
    cure.park(*(f"n{number}" for number in range(10, 30)))
    cure.bad = set()
    events = database.read(parking.waiting)
    won: list[str] = []
    told: list[str] = []
    together = threading.Barrier(2)

    def decide(who: Who, drop: bool) -> None:
        for event in events:
            together.wait()
            try:
                if drop:
                    database.run(deciding.drop_one, event.id, who, "a test")
                else:
                    database.run(deciding.retry_one, bench.runtime().consumer, event.id, who)
                won.append(who.name)
            except DecidedAlready as late:
                told.append(str(late.by))

    people = [
        threading.Thread(target=decide, args=(ADA, False)),
        threading.Thread(target=decide, args=(BOB, True)),
    ]
    for thread in people:
        thread.start()
    for thread in people:
        thread.join()
    assert len(won) == len(told) == len(events)
    assert sorted(won) == sorted(told), "who comes late hears who was quicker"
    applied = database.read(counter.numbers)
    assert sum(applied.values()) == won.count("Ada")


def test_two_workers_on_one_group_apply_each_event_once(
    bench: Workbench, database: Database, cure: Cure
) -> None:
    names = [f"n{number}" for number in range(10, 410)]
    cure.park(*names)
    cure.bad = {"n50", "n333"}
    decision_id = database.run(deciding.begin, RETRY, _group(database).key, ADA)
    failed: list[Exception] = []

    def work() -> None:
        try:
            while _decision(database, decision_id).status == decisions.RUNNING:
                deciding.work_on(bench.runtime())
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert failed == []
    assert _figures(_decision(database, decision_id)) == ("done", 400, 398, 2)
    assert set(database.read(counter.numbers).values()) == {1}


def test_a_crash_in_a_piece_leaves_it_to_be_done_again(
    bench: Workbench, database: Database, cure: Cure, monkeypatch: pytest.MonkeyPatch
) -> None:
    cure.park("n10", "n11", "n12")
    cure.bad = set()
    decision_id = database.run(deciding.begin, RETRY, _group(database).key, ADA)
    settle = parking.settle

    def broken(*_args: Any) -> None:
        raise OperationalError("UPDATE", {}, Exception("the machine's fault"))

    monkeypatch.setattr(parking, "settle", broken)
    with pytest.raises(OperationalError):
        deciding.work_on(bench.runtime())
    assert database.read(counter.numbers) == {}
    assert bench.emitted() == []
    monkeypatch.setattr(parking, "settle", settle)
    while deciding.work_on(bench.runtime()):
        pass
    assert _figures(_decision(database, decision_id)) == ("done", 3, 3, 0)
    assert set(database.read(counter.numbers).values()) == {1}


def test_an_attempt_that_fails_takes_back_its_events_and_wakes_and_nothing_else(
    database: Database, bench: Workbench
) -> None:
    def change(tx: Any) -> None:
        counter.add_and_say(tx, "before")
        with pytest.raises(LookupError), tx.attempt():
            counter.add_and_say(tx, "undone")
            tx.wake("count")
            raise LookupError
        counter.add_and_say(tx, "after")
        assert tx.to_wake == set()

    database.run(change)
    assert database.read(counter.numbers) == {"after": 1, "before": 1}
    assert [event.task_id for event in bench.emitted()] == ["before", "after"]


def test_the_page_tells_groups_and_carries_a_retry_out(
    bench: Workbench, database: Database, cure: Cure
) -> None:
    admin = bench.client("admin")
    assert "Nothing is parked" in admin.get("/counter/parked").text
    cure.park("n10", "n11")
    key = _group(database).key
    page = admin.get("/counter/parked").text
    assert "Indigestible: … of …" in page
    assert f"/counter/parked/groups/{key}" in page
    cure.bad = set()
    begun = admin.post(f"/counter/parked/groups/{key}/retry")
    assert begun.status_code == 303
    running = admin.get(begun.headers["Location"]).text
    assert "http-equiv" in running
    assert "being carried out" in running
    twice = admin.post(f"/counter/parked/groups/{key}/drop", data={"reason": "why not"})
    assert (twice.status_code, "The admin" in twice.text) == (409, True)
    bench.settle()
    assert "http-equiv" not in admin.get(begun.headers["Location"]).text
    assert admin.get(f"/counter/parked/groups/{key}").status_code == 404
    assert "Retried" in admin.get("/counter/parked/decisions").text


def test_one_event_is_shown_retried_and_dropped_on_its_page(
    bench: Workbench, database: Database, cure: Cure
) -> None:
    admin = bench.client("admin")
    cure.park("n10")
    (event,) = database.read(parking.waiting)
    path = f"/counter/parked/events/{event.id}"
    page = admin.get(path).text
    assert "Traceback" in page
    assert "&#34;assignee_id&#34;: &#34;n10&#34;" in page
    again = admin.post(f"{path}/retry", follow_redirects=True)
    assert "It still cannot be applied and stays parked: Indigestible" in again.text
    for empty in ("", "   ", "x" * 501, "a\x07b"):
        refused = admin.post(f"{path}/drop", data={"reason": empty}, follow_redirects=True)
        assert "Say why in a few words" in refused.text
    assert database.read(parking.count) == 1
    assert admin.post(f"{path}/drop", data={"reason": "a <b>test</b>"}).status_code == 303
    late = admin.post(f"{path}/retry")
    assert (late.status_code, "by The admin" in late.text) == (409, True)
    assert "a &lt;b&gt;test&lt;/b&gt;" in admin.get("/counter/parked/decisions").text
    assert "dropped" in admin.get(path).text
    for nothing in ("0", "99999", "9" * 30, "x", "-1"):
        assert admin.get(f"/counter/parked/events/{nothing}").status_code == 404


@pytest.mark.parametrize(
    ("body", "expected", "never"),
    [
        (b"\xff\xfe<script>alert(1)</script>", "ff fe 3c 73", "<script>alert"),
        (b'{"type": "<img src=x>", "x": "\\ud800\\u202e"}', "\\ud800", "<img src=x"),
        (b"[" * 100_000, "5b 5b 5b", "alert("),
        (json.dumps({"type": "x" * 100_000}).encode(), "more are not shown", "alert("),
    ],
)
def test_hostile_bytes_are_shown_without_harm(
    body: bytes, expected: str, never: str, bench: Workbench, database: Database
) -> None:
    bench.runtime().consumer.deliver([body])
    (event,) = database.read(parking.waiting)
    admin = bench.client("admin")
    page = admin.get(f"/counter/parked/events/{event.id}")
    assert page.status_code == 200
    assert expected in page.text
    assert never not in page.text
    assert "\u202e" not in page.text
    assert admin.get("/counter/parked").status_code == 200
    shown = admin.get(f"/counter/api/v1/parked/events/{event.id}")
    assert shown.status_code == 200


def test_ten_thousand_are_paged_through_and_none_is_missed(
    bench: Workbench, database: Database
) -> None:
    bodies = [f"garbage of kind {chr(97 + n % 26) * (n % 5 + 1)} {n}" for n in range(10_000)]
    database.run(_park_all, bodies)
    admin = bench.client("admin")
    seen: list[int] = []
    path = "/counter/api/v1/parked?limit=200"
    after = ""
    while after is not None:
        page = admin.get(path + (f"&after={after}" if after else "")).get_json()
        seen += [item["number"] for item in page["items"]]
        after = page["next"]
    assert len(seen) == len(set(seen)) == 10_000
    groups = admin.get("/counter/api/v1/parked/groups?limit=200").get_json()["items"]
    assert sum(group["count"] for group in groups) == 10_000
    first = groups[0]["group"]
    page_of_group = admin.get(f"/counter/parked/groups/{first}")
    assert "Next page" in page_of_group.text


def _park_all(tx: Any, bodies: list[str]) -> None:
    for body in bodies:
        reason = body.rpartition(" ")[0]
        parking.park(tx, body.encode(), "?", f"{reason} {len(body)}")


def test_the_rest_side_lists_shows_retries_and_drops(
    bench: Workbench, database: Database, cure: Cure
) -> None:
    admin = bench.client("admin")
    api = "/counter/api/v1/parked"
    cure.park("n10", "n11", "parrot")
    (two, one) = admin.get(f"{api}/groups").get_json()["items"]
    assert (two["count"], one["count"]) == (2, 1)
    (item,) = admin.get(f"{api}?group={one['group']}").get_json()["items"]
    assert json.loads(item["payload"])["data"]["assignee_id"] == "parrot"
    event = f"{api}/events/{item['number']}"
    tried = admin.post(f"{event}/retry")
    assert (tried.status_code, tried.get_json()["failed"]) == (200, 1)
    assert admin.post(f"{event}/drop", json={}).status_code == 422
    assert admin.post(f"{event}/drop", json={"reason": " "}).status_code == 422
    assert admin.post(f"{event}/drop", json={"reason": "why"}).get_json()["settled"] == 1
    assert admin.post(f"{event}/drop", json={"reason": "why"}).status_code == 409
    cure.bad = set()
    begun = admin.post(f"{api}/groups/{two['group']}/retry")
    assert begun.status_code == 202
    bench.settle()
    done = admin.get(f"{api}/decisions/{begun.get_json()['id']}").get_json()
    assert (done["status"], done["settled"], done["by_id"]) == ("done", 2, "u-admin")
    listed = admin.get(f"{api}/decisions?limit=2").get_json()
    assert [d["action"] for d in listed["items"]] == ["retry", "drop"]
    rest = admin.get(f"{api}/decisions?after={listed['next']}").get_json()
    assert [d["outcome"][:12] for d in rest["items"]] == ["Indigestible"]
    assert database.read(parking.count) == 0
    assert len(database.read(lambda r: r.execute(inbox.inbox.select()).all())) == 2

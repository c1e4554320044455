"""The inbox: each event takes effect once, or is parked with its reason and its bytes."""

import json
import random
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from chassis import deciding, decisions, inbox, outbox, parking
from chassis.database import Database, DatabaseAway, Transaction
from chassis.deciding import Who
from chassis.decisions import DROP, AppliedMeanwhile
from chassis.events import decode
from chassis.inbox import MOST_BYTES, Batch, Consumer, Handlers, heard_events
from chassis.parking import DecidedAlready, Parked
from contracts.tasks import TaskAssigned
from tests.integration.chassis import counter
from tests.support import Workbench

ADA = Who("u-ada", "Ada")


@pytest.fixture
def database(bench: Workbench) -> Database:
    return bench.runtime().database


@pytest.fixture
def consumer(bench: Workbench) -> Consumer:
    return bench.runtime().consumer


def _event(bench: Workbench, name: str, event_id: str | None = None) -> bytes:
    return bench.envelope(counter.assigned(bench.clock, name), event_id)


def _waiting(database: Database) -> Sequence[Parked]:
    return database.read(parking.waiting)


def _seen(database: Database) -> int:
    return database.read(
        lambda reading: int(
            reading.execute(select(func.count()).select_from(inbox.inbox)).scalar_one()
        )
    )


def test_effect_events_and_seen_are_one_commit(bench: Workbench, database: Database) -> None:
    bench.hear(counter.assigned(bench.clock, "a"), counter.assigned(bench.clock, "b"))
    assert database.read(counter.numbers) == {"a": 1, "b": 1}
    assert _seen(database) == 2
    assert [data.task_id for data in bench.emitted()] == ["a", "b"]


@pytest.mark.parametrize("size", [1, 3, 500])
def test_an_event_that_comes_five_times_in_any_order_counts_once(
    size: int, bench: Workbench, database: Database, consumer: Consumer
) -> None:
    bodies = [_event(bench, f"n{i % 4}") for i in range(40)] * 5
    random.Random(7).shuffle(bodies)
    for start in range(0, len(bodies), size):
        consumer.deliver(bodies[start : start + size])
    assert database.read(counter.numbers) == {"n0": 10, "n1": 10, "n2": 10, "n3": 10}
    assert _seen(database) == 40
    assert database.read(outbox.depth)[0] == 40
    assert list(_waiting(database)) == []


def test_more_than_one_transaction_holds_is_applied_to_the_end(
    bench: Workbench, database: Database, consumer: Consumer
) -> None:
    consumer.deliver([_event(bench, "a") for _ in range(1_201)])
    assert database.read(counter.numbers) == {"a": 1_201}


def test_an_empty_delivery_is_fine(database: Database, consumer: Consumer) -> None:
    consumer.deliver([])
    assert _seen(database) == 0


def test_a_poisonous_event_is_parked_and_its_neighbours_are_applied(
    bench: Workbench, database: Database, consumer: Consumer
) -> None:
    poison = _event(bench, "poison")
    consumer.deliver([_event(bench, "a"), poison, _event(bench, "b")])
    assert database.read(counter.numbers) == {"a": 1, "b": 1}
    (parked,) = _waiting(database)
    assert parked.payload == poison
    assert parked.type == "popug.tasks.task_assigned.v1"
    assert parked.reason == "Indigestible: cannot be applied"
    assert "count_assigned" in parked.detail
    assert parked.attempts == 1
    assert _seen(database) == 2
    assert len(bench.emitted()) == 2


def test_the_same_poison_again_counts_up_instead_of_standing_there_twice(
    bench: Workbench, database: Database, consumer: Consumer
) -> None:
    poison = _event(bench, "poison")
    consumer.deliver([poison])
    consumer.deliver([poison])
    (parked,) = _waiting(database)
    assert parked.attempts == 2


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("garbage", "not JSON"),
        ("no event", "not a CloudEvent"),
        ("unknown", "unknown type"),
        ("future", "version 2 of popug.tasks.task_assigned is not known here"),
        ("unheard", "unknown type"),
        ("broken", "data.fee"),
        ("no id", "id"),
        ("surrogates", "not JSON"),
    ],
)
def test_what_is_not_understood_is_parked_as_it_came_and_stops_nobody(
    kind: str, reason: str, bench: Workbench, database: Database, consumer: Consumer
) -> None:
    good = json.loads(_event(bench, "a"))
    bad = {
        "garbage": b"\x00\xff{{{",
        "no event": b"[1, 2]",
        "unknown": json.dumps(good | {"type": "popug.tasks.task_eaten.v1"}).encode(),
        "future": json.dumps(good | {"type": "popug.tasks.task_assigned.v2"}).encode(),
        "unheard": bench.envelope(counter.closed(bench.clock.now(), "t")),
        "broken": json.dumps(good | {"data": good["data"] | {"fee": "ten"}}).encode(),
        "no id": json.dumps({k: v for k, v in good.items() if k != "id"}).encode(),
        "surrogates": b'{"type": "\\ud800"}',
    }[kind]
    consumer.deliver([_event(bench, "b"), bad, _event(bench, "c")])
    assert database.read(counter.numbers) == {"b": 1, "c": 1}
    (parked,) = _waiting(database)
    assert parked.payload == bad
    if kind != "unheard":
        assert reason in parked.reason


def test_a_database_that_is_away_parks_nothing_and_wants_the_batch_again(
    bench: Workbench, database: Database, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [_event(bench, "a"), _event(bench, "b")]
    with monkeypatch.context() as broken:
        broken.setattr(database, "run_idempotent", _raising(DatabaseAway("gone")))
        with pytest.raises(DatabaseAway):
            consumer.deliver(batch)
    assert list(_waiting(database)) == []
    consumer.deliver(batch)
    assert database.read(counter.numbers) == {"a": 1, "b": 1}


def test_an_error_of_the_machine_in_the_middle_parks_nothing(
    bench: Workbench, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = Handlers()

    @fails.hears(TaskAssigned)
    def lose_connection(tx: Transaction, events: Batch[TaskAssigned]) -> None:
        raise OperationalError("UPDATE", {}, Exception("something of the server's"))

    consumer = Consumer("counter", database, fails)
    with pytest.raises(OperationalError):
        consumer.deliver([_event(bench, "a")])
    assert list(_waiting(database)) == []
    assert _seen(database) == 0


def _raising(error: Exception) -> object:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_a_parked_event_that_applies_now_is_settled_in_the_same_commit(
    bench: Workbench, database: Database
) -> None:
    broken = True
    moody = Handlers()

    @moody.hears(TaskAssigned)
    def sometimes(tx: Transaction, events: Batch[TaskAssigned]) -> None:
        if broken:
            raise counter.Indigestible("not today")
        counter.add(tx, events[0].data.assignee_id)

    consumer = Consumer("counter", database, moody)
    consumer.deliver([_event(bench, "a", "e1")])
    (parked,) = _waiting(database)
    tried = database.run(deciding.retry_one, consumer, parked.id, ADA)
    assert (tried.failed, tried.outcome) == (1, "Indigestible: not today")
    assert [event.attempts for event in _waiting(database)] == [2]

    broken = False
    assert database.run(deciding.retry_one, consumer, parked.id, ADA).settled == 1
    assert database.read(counter.numbers) == {"a": 1}
    assert list(_waiting(database)) == []
    with pytest.raises(DecidedAlready):
        database.run(deciding.retry_one, consumer, parked.id, ADA)
    consumer.deliver([_event(bench, "a", "e1")])
    assert database.read(counter.numbers) == {"a": 1}


def test_retrying_what_is_not_understood_leaves_it_parked(
    database: Database, consumer: Consumer
) -> None:
    consumer.deliver([b"garbage"])
    (parked,) = _waiting(database)
    tried = database.run(deciding.retry_one, consumer, parked.id, ADA)
    assert tried.outcome.startswith("not JSON")
    assert len(_waiting(database)) == 1


def test_a_dropped_event_stays_dropped_when_it_comes_again(
    database: Database, consumer: Consumer
) -> None:
    consumer.deliver([b"garbage"])
    (parked,) = _waiting(database)
    database.run(deciding.drop_one, parked.id, ADA, "sent by mistake")
    assert database.read(parking.count) == 0
    consumer.deliver([b"garbage"])
    assert database.read(parking.count) == 0
    with pytest.raises(DecidedAlready):
        database.run(deciding.drop_one, parked.id, ADA, "twice")
    with pytest.raises(DecidedAlready):
        database.run(deciding.retry_one, consumer, parked.id, ADA)


def test_a_dropped_event_is_not_applied_when_it_comes_again_and_could_be(
    bench: Workbench, database: Database, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = _event(bench, "a")
    with monkeypatch.context() as patched:
        patched.setitem(counter.handlers.by_type, TaskAssigned.type, _refuse)
        consumer.deliver([body])
    (parked,) = _waiting(database)
    database.run(deciding.drop_one, parked.id, ADA, "booked by hand")
    consumer.deliver([body, _event(bench, "b")])
    assert database.read(counter.numbers) == {"b": 1}


def _refuse(_tx: Transaction, _events: object) -> None:
    raise counter.Indigestible("not today")


def test_what_was_applied_when_it_came_again_cannot_be_dropped(
    bench: Workbench, database: Database, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied, bad = _event(bench, "a", "e1"), _event(bench, "b", "e2")
    with monkeypatch.context() as patched:
        patched.setitem(counter.handlers.by_type, TaskAssigned.type, _refuse)
        consumer.deliver([applied, bad])
    consumer.deliver([applied])
    first, _ = _waiting(database)
    with pytest.raises(AppliedMeanwhile, match="number 1"):
        database.run(deciding.drop_one, first.id, ADA, "booked by hand")
    decision = database.run(deciding.begin, DROP, first.group_key, ADA, "booked by hand")
    while deciding.work_on(bench.runtime(), decision):
        pass
    done = database.read(decisions.find, decision)
    assert (done.settled, done.failed) == (1, 1)
    assert [event.id for event in _waiting(database)] == [first.id]
    assert database.run(deciding.retry_one, consumer, first.id, ADA).settled == 1
    assert database.read(counter.numbers) == {"a": 1}


def test_parked_events_are_listed_in_pages(database: Database, consumer: Consumer) -> None:
    consumer.deliver([f"garbage {i}".encode() for i in range(5)])
    first = database.read(parking.waiting, 3)
    rest = database.read(parking.waiting, 3, first[-1].id)
    assert [p.payload[-1:] for p in [*first, *rest]] == [b"0", b"1", b"2", b"3", b"4"]


def test_what_was_heard_can_be_read_again_from_the_beginning(
    bench: Workbench, database: Database, consumer: Consumer
) -> None:
    bodies = {_event(bench, f"n{i}") for i in range(7)}
    consumer.deliver(list(bodies))
    with database.reading() as reading:
        batches = list(heard_events(reading, batch=3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert {body for batch in batches for body in batch} == bodies
    ids = [decode(body).id for batch in batches for body in batch]
    assert ids == sorted(ids)


def test_one_event_has_one_handler() -> None:
    handlers = Handlers()
    handlers.hears(TaskAssigned)(counter.count_assigned)
    with pytest.raises(ValueError, match="two handlers"):
        handlers.hears(TaskAssigned)(counter.count_assigned)


def test_a_message_too_large_for_any_server_is_parked_with_its_beginning(
    bench: Workbench, database: Database, consumer: Consumer
) -> None:
    consumer.deliver([b"x" * (MOST_BYTES + 1), _event(bench, "a")])
    (kept,) = database.read(parking.waiting)
    assert kept.payload == b"x" * MOST_BYTES
    assert kept.reason.startswith("1000001 bytes long")
    assert database.read(counter.numbers) == {"a": 1}

"""Outbox and relay: what was committed is sent, at least once, until somebody has it."""

import time
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select

from chassis import commits, outbox, tracing
from chassis.broker import BrokerAway, InProcessBroker
from chassis.database import DatabaseAway, Transaction
from chassis.events import decode
from chassis.housekeeping import tidy
from chassis.outbox import Message
from chassis.relay import LOOK_SECONDS, MOST_BULK_DELIVERED, Relay
from tests.integration.chassis import counter
from tests.integration.chassis.waiting import until
from tests.support import NOON, Workbench


class RecordingBroker(InProcessBroker):
    """Takes messages, and breaks when a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Message] = []
        self.away = False
        self.refused = 0
        self.batches: list[int] = []

    def publish(self, messages: Sequence[Message]) -> None:
        if self.away:
            self.refused += 1
            raise BrokerAway("switched off")
        self.taken += messages
        self.batches.append(len(messages))


@pytest.fixture
def broker() -> RecordingBroker:
    return RecordingBroker()


@pytest.fixture
def relay(bench: Workbench, broker: RecordingBroker) -> Relay:
    return Relay("counter", bench.runtime().database, broker)


def test_events_are_sent_in_the_order_of_their_commits_and_then_wait_no_more(
    bench: Workbench, broker: RecordingBroker, relay: Relay
) -> None:
    database = bench.runtime().database
    for name in ("a", "b", "c"):
        database.run(counter.add_and_say, name)
    assert relay.send_waiting() == 3
    assert [decode(m.body).data.task_id for m in broker.taken] == ["a", "b", "c"]
    assert database.read(outbox.depth) == (0, None)
    assert relay.send_waiting() == 0


def test_a_broker_that_is_away_costs_nothing(
    bench: Workbench, broker: RecordingBroker, relay: Relay
) -> None:
    database = bench.runtime().database
    database.run(counter.add_and_say, "a")
    broker.away = True
    with pytest.raises(BrokerAway):
        relay.send_waiting()
    assert database.read(outbox.depth) == (1, NOON)
    broker.away = False
    assert relay.send_waiting() == 1


def test_a_crash_between_sending_and_recording_it_sends_the_same_event_again(
    bench: Workbench, broker: RecordingBroker, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = bench.runtime().database
    database.run(counter.add_and_say, "a")

    def crash(tx: Transaction, messages: Sequence[Message]) -> None:
        raise DatabaseAway("pulled the plug")

    with monkeypatch.context() as crashing:
        crashing.setattr(outbox, "mark_sent", crash)
        with pytest.raises(DatabaseAway):
            relay.send_waiting()
    assert relay.send_waiting() == 1
    first, second = broker.taken
    assert (first.id, first.body) == (second.id, second.body)


def test_a_relay_that_does_not_look_sends_when_it_is_woken_and_leaves_the_rest_to_others(
    bench: Workbench, broker: RecordingBroker, relay: Relay
) -> None:
    database = bench.runtime().database
    relay.start(looks=False)
    until(lambda: _waits(relay))
    database.run(counter.add_and_say, "a")
    time.sleep(2 * LOOK_SECONDS)
    assert broker.taken == []
    relay.wake()
    until(lambda: len(broker.taken) == 1)
    until(lambda: _waits(relay))
    broker.away = True
    database.run(counter.add_and_say, "b")
    relay.wake()
    until(lambda: broker.refused == 1)
    broker.away = False
    time.sleep(2 * LOOK_SECONDS)
    assert len(broker.taken) == 1
    relay.stop()
    assert database.read(outbox.depth) == (1, NOON)


def test_a_relay_that_looks_finds_what_nobody_woke_it_for(
    bench: Workbench, broker: RecordingBroker, relay: Relay
) -> None:
    relay.start()
    until(lambda: _waits(relay))
    bench.runtime().database.run(counter.add_and_say, "a")
    until(lambda: len(broker.taken) == 1)
    relay.stop()


def _waits(relay: Relay) -> bool:
    """Whether its thread is through with what there was, and waits to be woken."""
    return bool(relay._wake._cond._waiters)  # type: ignore[attr-defined]


def test_a_commit_with_a_lower_position_that_comes_late_is_sent(
    bench: Workbench, broker: RecordingBroker, relay: Relay
) -> None:
    """On a server two commits may land in the other order than their positions."""
    database = bench.runtime().database
    database.run(counter.add_and_say, "late")
    (late,) = database.read(outbox.unsent, 10)
    database.run(lambda tx: tx.execute(outbox.outbox.delete()))
    database.run(counter.add_and_say, "early")
    assert relay.send_waiting() == 1
    row = {
        "position": late.position,
        "event_id": late.id,
        "type": late.type,
        "payload": late.body,
        "created_at": NOON,
    }
    database.run(lambda tx: tx.insert(outbox.outbox, [row]))
    assert relay.send_waiting() == 1
    assert broker.taken[-1].id == late.id


def test_an_event_carries_the_trace_of_the_click_that_caused_it(
    bench: Workbench, broker: RecordingBroker, relay: Relay
) -> None:
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with tracing.traced(given):
        bench.runtime().database.run(counter.add_and_say, "a")
    relay.send_waiting()
    trace = decode(broker.taken[0].body).traceparent
    assert trace is not None
    assert trace[3:35] == "0af7651916cd43dd8448eb211c80319c"


def test_more_than_one_batch_is_sent_to_the_end(
    bench: Workbench,
    broker: RecordingBroker,
    relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chassis.relay.MOST_AT_ONCE", 10)

    def many(tx: Transaction) -> None:
        tx.emit(*[counter.closed(tx.now, f"t{i}") for i in range(25)])

    bench.runtime().database.run(many)
    assert relay.send_waiting() == 25
    assert len({m.id for m in broker.taken}) == 25


def test_what_one_click_has_written_goes_before_what_comes_by_the_thousand(
    bench: Workbench, broker: RecordingBroker, relay: Relay
) -> None:
    database = bench.runtime().database

    def many(tx: Transaction) -> None:
        tx.emit(*[counter.closed(tx.now, f"t{i}") for i in range(450)], bulk=True)

    database.run(many)
    database.run(counter.add_and_say, "click")
    waiting = database.read(outbox.unsent, 3)
    assert [(decode(m.body).data.task_id, m.bulk) for m in waiting] == [
        ("click", False),
        ("t0", True),
        ("t1", True),
    ]
    assert relay.send_waiting() == 451
    # Who takes them at once looks for a click again after some.
    assert max(broker.batches) == MOST_BULK_DELIVERED


def test_the_relay_on_its_thread_sends_what_is_committed_and_survives_a_failure(
    bench: Workbench, broker: RecordingBroker, relay: Relay
) -> None:
    database = bench.runtime().database
    database.on_events = relay.wake
    broker.away = True
    relay.start()
    database.run(counter.add_and_say, "a")
    broker.away = False
    database.run(counter.add_and_say, "b")
    until(lambda: len(broker.taken) >= 2)
    relay.stop()
    assert {decode(m.body).data.task_id for m in broker.taken} == {"a", "b"}


def test_what_was_sent_since_a_moment_is_sent_again_in_pieces(
    bench: Workbench, broker: RecordingBroker, relay: Relay
) -> None:
    database = bench.runtime().database
    database.run(counter.add_and_say, "before")
    relay.send_waiting()
    bench.clock.put(NOON + timedelta(minutes=1))
    for name in ("a", "b", "c"):
        database.run(counter.add_and_say, name)
    relay.send_waiting()
    since = NOON + timedelta(seconds=30)
    assert [database.run(outbox.send_again, since, 2) for _ in range(3)] == [2, 1, 0]
    assert all(message.bulk for message in database.read(outbox.unsent, 3))
    assert database.read(outbox.depth)[0] == 3
    assert relay.send_waiting() == 3
    assert [decode(m.body).data.task_id for m in broker.taken[-3:]] == ["a", "b", "c"]


def test_an_event_that_is_sent_again_counts_once(bench: Workbench) -> None:
    runtime = bench.runtime()
    runtime.database.run(lambda tx: tx.emit(counter.assigned(bench.clock, "a")))
    bench.settle()
    assert runtime.database.read(counter.numbers)["a"] == 1
    again = runtime.database.run(outbox.send_again, NOON, 10)
    assert again == 2, "what was heard, and what it caused"
    bench.settle()
    assert runtime.database.read(outbox.depth) == (0, None)
    assert runtime.database.read(counter.numbers)["a"] == 1


def test_sent_events_and_old_marks_are_forgotten_after_their_time_and_waiting_ones_never(
    bench: Workbench, broker: RecordingBroker, relay: Relay
) -> None:
    runtime = bench.runtime()
    runtime.database.run(counter.add_and_say, "old")
    relay.send_waiting()
    runtime.database.run(counter.add_and_say, "waits")
    mark = {"id": "m", "committed_at": NOON}
    runtime.database.run(lambda tx: tx.insert(commits.commits, [mark]))
    for days, left in ((13, 2), (15, 1)):
        bench.clock.put(NOON + timedelta(days=days))
        assert tidy(runtime) is False
        rows = runtime.database.read(lambda r: r.execute(select(outbox.outbox.c.subject)).all())
        assert len(rows) == left
    assert rows == [("waits",)]
    assert runtime.database.read(lambda r: r.execute(select(commits.commits)).all()) == []


def test_housekeeping_takes_a_piece_at_a_time_and_says_that_there_is_more(
    bench: Workbench, broker: RecordingBroker, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.housekeeping.AT_ONCE", 2)
    runtime = bench.runtime()
    for name in ("a", "b", "c"):
        runtime.database.run(counter.add_and_say, name)
    relay.send_waiting()
    bench.clock.put(NOON + timedelta(days=15))
    assert [tidy(runtime), tidy(runtime)] == [True, False]

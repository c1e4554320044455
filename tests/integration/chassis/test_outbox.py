"""Outbox and relay: what was committed is sent, at least once, until somebody has it."""

from collections.abc import Sequence

import pytest

from chassis import outbox, tracing
from chassis.broker import BrokerAway
from chassis.database import DatabaseAway, Transaction
from chassis.events import decode
from chassis.outbox import Message
from chassis.relay import Relay
from tests.integration.chassis import counter
from tests.integration.chassis.waiting import until
from tests.support import NOON, Workbench


class RecordingBroker:
    """Takes messages, and breaks when a test says."""

    keeps_messages = False

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.away = False

    def publish(self, messages: Sequence[Message]) -> None:
        if self.away:
            raise BrokerAway("switched off")
        self.taken += messages

    def subscribe(self, *_: object) -> None:
        """Nobody listens."""

    def start(self) -> None:
        """Nothing runs."""

    def stop(self) -> None:
        """Nothing ends."""


@pytest.fixture
def broker() -> RecordingBroker:
    return RecordingBroker()


@pytest.fixture
def relay(bench: Workbench, broker: RecordingBroker) -> Relay:
    return Relay("counter", bench.runtime().database, broker)


def test_events_are_sent_in_the_order_of_their_commits_and_then_forgotten(
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


def test_a_crash_between_sending_and_forgetting_sends_the_same_event_again(
    bench: Workbench, broker: RecordingBroker, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = bench.runtime().database
    database.run(counter.add_and_say, "a")

    def crash(tx: Transaction, messages: Sequence[Message]) -> None:
        raise DatabaseAway("pulled the plug")

    with monkeypatch.context() as crashing:
        crashing.setattr(outbox, "forget", crash)
        with pytest.raises(DatabaseAway):
            relay.send_waiting()
    assert relay.send_waiting() == 1
    first, second = broker.taken
    assert (first.id, first.body) == (second.id, second.body)


def test_a_commit_with_a_lower_position_that_comes_late_is_sent(
    bench: Workbench, broker: RecordingBroker, relay: Relay
) -> None:
    """On a server two commits may land in the other order than their positions."""
    database = bench.runtime().database
    database.run(counter.add_and_say, "late")
    (late,) = database.read(outbox.unsent, 10)
    database.run(outbox.forget, [late])
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

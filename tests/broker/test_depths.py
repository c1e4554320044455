"""How full the queues are: asked passively, by a page and by a worker."""

import json
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import pika
import pytest

from chassis import outbox
from chassis.broker import BrokerAway
from chassis.outbox import Message
from chassis.rabbitmq import RabbitMqBroker
from chassis.rabbitmq.depths import Depth, DepthWatch, queue_depths
from chassis.rabbitmq.topology import Topology
from chassis.relay import Relay
from chassis.status import own_status
from chassis.verdict import Queues, judge
from tests.broker.test_broker import CLOSED, Listener, message, prefixes, publish_until_taken
from tests.broker.test_rabbitmq import Place
from tests.integration.chassis import counter
from tests.support import NOON, Workbench
from tests.waiting import wait_for, wait_until_equal


@pytest.fixture
def place(rabbitmq_url: str) -> Iterator[Place]:
    made = Place(rabbitmq_url)
    yield made
    made.close()


def test_what_waits_in_each_queue_is_counted(place: Place) -> None:
    sender = place.process()
    publish_until_taken(sender, [message(1), message(2), message(3, "nobody.hears.this")])
    topology = place.topology
    waiting = {
        topology.queue("accounts"): Depth(2, 0),
        topology.bulk_queue("accounts"): Depth(0, 0),
        topology.dead_queue("accounts"): Depth(0, 0),
        topology.unroutable_queue: Depth(1, 0),
    }
    wait_until_equal(lambda: queue_depths(place.url, topology), waiting, "the depths")
    # Looking has taken nothing out.
    listener = Listener(CLOSED)
    place.process(listener)
    wait_until_equal(lambda: listener.taken, [b"body 1", b"body 2"], "the worker")
    drained = waiting | {
        topology.queue("accounts"): Depth(0, 1),
        topology.bulk_queue("accounts"): Depth(0, 1),
        topology.dead_queue("accounts"): Depth(0, 1),
    }
    wait_until_equal(lambda: queue_depths(place.url, topology), drained, "the worker's queues")


def test_a_queue_that_nobody_declared_yet_is_missing_and_costs_nothing_else(place: Place) -> None:
    sender = place.process()
    publish_until_taken(sender, [message(1)])
    prefix = place.topology.prefix
    wider = Topology(prefix, {**place.topology.heard, "aaa": frozenset({CLOSED})})
    found = queue_depths(place.url, wider)
    assert wider.queue("aaa") not in found
    assert set(found) == set(place.topology.queues)


def test_without_a_server_the_depths_are_not_guessed(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        nowhere = f"amqp://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(BrokerAway):
            queue_depths(nowhere, place.topology)
        watch = DepthWatch(nowhere, "test", place.topology)
        watch.start()
        with pytest.raises(BrokerAway):
            watch.look(place.topology.queues)
        watch.stop()


def test_a_server_that_accepts_and_says_nothing_is_not_waited_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.rabbitmq.depths.PATIENCE_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"amqp://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(BrokerAway):
            queue_depths(url, place.topology)


def test_a_worker_tells_of_its_own_queues_and_of_the_alarm_queue(place: Place) -> None:
    listener = Listener(CLOSED)
    broker = place.process(listener)
    publish_until_taken(broker, [message(1), message(2, "nobody.hears.this")])
    wait_until_equal(lambda: listener.taken, [b"body 1"], "the worker")
    topology = place.topology

    def states() -> list[tuple[str, str, int, int]]:
        return [(q.name, q.kind, q.messages, q.consumers) for q in broker.queues("accounts")]

    expected = [
        (topology.queue("accounts"), "events", 0, 1),
        (topology.bulk_queue("accounts"), "bulk", 0, 1),
        (topology.dead_queue("accounts"), "dead", 0, 1),
        (topology.unroutable_queue, "unroutable", 1, 0),
    ]
    wait_until_equal(states, expected, "the states")
    assert broker.connected()
    assert broker.dead_threads() == []
    wait_until_equal(lambda: broker.in_hand("accounts"), 0, "nothing in hand")


def test_what_a_worker_holds_and_cannot_apply_is_in_hand(place: Place) -> None:
    listener = Listener(CLOSED, refuses=1_000_000)
    broker = place.process(listener)
    publish_until_taken(broker, [message(number) for number in range(7)])
    wait_until_equal(lambda: broker.in_hand("accounts"), 7, "all of them in hand")
    held = broker.oldest_in_hand("accounts")
    assert held and held.body == b"body 0"
    wait_for(lambda: _seconds(broker) > held.seconds, "it to grow older")
    # The queue itself looks empty meanwhile.
    wait_until_equal(lambda: broker.queues("accounts")[0].messages, 0, "an empty queue")
    listener.refuses = 0
    wait_until_equal(lambda: broker.in_hand("accounts"), 0, "nothing in hand")
    assert len(listener.taken) == 7
    assert broker.oldest_in_hand("accounts") is None


def _seconds(broker: RabbitMqBroker) -> float:
    held = broker.oldest_in_hand("accounts")
    assert held
    return held.seconds


def test_a_queue_that_was_deleted_meanwhile_is_declared_again(place: Place) -> None:
    broker = place.process()
    publish_until_taken(broker, [message(1)])
    wait_until_equal(lambda: broker.queues("accounts")[0].messages, 1, "the message")
    place.delete(place.topology.unroutable_queue)
    with pytest.raises(BrokerAway):
        broker.queues("accounts")

    def kinds() -> list[str]:
        try:
            return [queue.kind for queue in broker.queues("accounts")]
        except BrokerAway:
            return []

    wait_until_equal(kinds, ["events", "bulk", "dead", "unroutable"], "all queues again")
    publish_until_taken(broker, [message(2)])


@pytest.mark.filterwarnings(
    "ignore:Exception in thread:pytest.PytestUnhandledThreadExceptionWarning"
)
def test_a_consumer_whose_thread_ended_is_told(place: Place) -> None:
    class Mortal(Listener):
        def __call__(self, _bodies: object) -> None:
            raise SystemExit  # no Exception, so it ends the thread

    broker = place.process(Mortal(CLOSED))
    publish_until_taken(broker, [message(1)])
    wait_until_equal(broker.dead_threads, ["apply-accounts"], "the end of the thread")
    assert broker.oldest_in_hand("accounts"), "what it has taken with it is still told"


def test_an_event_that_nobody_hears_is_taken_kept_and_told_as_an_alarm(
    rabbitmq_url: str, workbench: Callable[..., Workbench]
) -> None:
    runtime = workbench(counter.service).runtime()
    # The counter says "closed" and hears "assigned": for what it says no queue is bound.
    topology = Topology(next(prefixes), {"counter": runtime.service.handlers.types})
    broker = RabbitMqBroker(rabbitmq_url, topology, "test")
    broker.subscribe("counter", runtime.service.handlers.types, lambda _: None, lambda _: None)
    broker.start()
    relay = Relay("counter", runtime.database, broker)
    runtime.broker, runtime.works = broker, True
    runtime.database.run(counter.add_and_say, "n")
    (said,) = runtime.database.read(outbox.unsent, 10)

    def nothing_waits() -> bool:
        try:
            relay.send_waiting()
        except BrokerAway:
            return False
        return runtime.database.read(outbox.depth) == (0, None)

    def told() -> bool:
        runtime.figures.forget()
        text = runtime.metrics.text(runtime.figures).decode()
        queue = topology.unroutable_queue
        return f'queue_messages{{kind="unroutable",queue="{queue}"}} 1.0' in text

    wait_until_equal(nothing_waits, True, "the relay to have it taken")
    wait_until_equal(told, True, "the alarm figure")
    broker.stop()
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    _, properties, body = connection.channel().basic_get(topology.unroutable_queue, auto_ack=True)
    connection.close()
    assert body == said.body
    assert properties.message_id == said.id


def test_a_worker_that_retries_a_batch_for_ever_is_trouble(
    rabbitmq_url: str, workbench: Callable[..., Workbench]
) -> None:
    """The queue looks empty meanwhile, and the worker is connected and gives signs of life."""
    runtime = workbench(counter.service).runtime()
    topology = Topology(next(prefixes), {"counter": frozenset({CLOSED})})
    broker = RabbitMqBroker(rabbitmq_url, topology, "test")
    listener = Listener(CLOSED, refuses=1_000_000)
    broker.subscribe("counter", listener.types, listener, lambda _: None)
    broker.start()
    said = json.dumps({"time": (NOON - timedelta(seconds=75)).isoformat()}).encode()
    publish_until_taken(broker, [Message(1, "e1", CLOSED, said)])
    wait_until_equal(lambda: broker.in_hand("counter"), 1, "it to be in hand")
    runtime.broker = broker

    def troubles() -> list[str]:
        runtime.jobs.run_all()
        depth = queue_depths(rabbitmq_url, topology)[topology.queue("counter")]
        queues = Queues({"counter": depth.messages}, consumers={"counter": depth.consumers})
        row = own_status(runtime) | {"alive": True}
        return [trouble.kind for trouble in judge([row], queues, runtime.clock.now(), {})]

    assert troubles() == ["lag"]
    assert own_status(runtime)["lag_seconds"] == 75
    listener.refuses = 0
    wait_until_equal(lambda: broker.in_hand("counter"), 0, "nothing in hand")
    assert troubles() == []
    broker.stop()

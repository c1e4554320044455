"""What RabbitMQ adds to the port: queues that outlive processes, and alarms."""

import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pika
import pytest

from chassis.broker import BrokerAway
from chassis.rabbitmq import RabbitMqBroker, link, topology
from chassis.rabbitmq.topology import Topology
from tests.broker.test_broker import (
    CLOSED,
    Listener,
    message,
    prefixes,
    publish_until_taken,
)
from tests.waiting import wait_until_equal


class Place:
    """Brokers of several processes over one topology."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.topology = Topology(next(prefixes), {"accounts": frozenset({CLOSED})})
        self._started: list[RabbitMqBroker] = []

    def process(self, listener: Listener | None = None) -> RabbitMqBroker:
        """A process that publishes and, with a listener, works for accounts."""
        broker = RabbitMqBroker(self.url, self.topology, "test")
        if listener:
            broker.subscribe("accounts", listener.types, listener, listener.buried.extend)
        broker.start()
        self._started.append(broker)
        return broker

    def end(self, broker: RabbitMqBroker) -> None:
        self._started.remove(broker)
        broker.stop()

    def close(self) -> None:
        for broker in self._started:
            broker.stop()

    def depth(self, queue: str) -> int:
        """How many messages lie in a queue, ready to be taken."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        found = connection.channel().queue_declare(queue, passive=True)
        connection.close()
        return int(found.method.message_count)

    def put(self, exchange: str, key: str, body: bytes) -> None:
        """Publish past the port, as somebody else could."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        connection.channel().basic_publish(exchange, key, body)
        connection.close()

    def delete(self, queue: str) -> None:
        """Delete a queue, as somebody with the rights could."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        connection.channel().queue_delete(queue)
        connection.close()


@pytest.fixture
def place(rabbitmq_url: str) -> Iterator[Place]:
    made = Place(rabbitmq_url)
    yield made
    made.close()


def test_a_queue_keeps_what_arrives_while_no_worker_runs(place: Place) -> None:
    sender = place.process()
    publish_until_taken(sender, [message(1), message(2)])
    late = Listener(CLOSED)
    place.process(late)
    wait_until_equal(lambda: late.taken, [b"body 1", b"body 2"], "the late worker")


def test_several_workers_of_a_service_share_its_queue(place: Place) -> None:
    first, second = Listener(CLOSED), Listener(CLOSED)
    sender = place.process(first)
    place.process(second)
    messages = [message(number) for number in range(5_000)]
    publish_until_taken(sender, messages)
    everything = sorted(m.body for m in messages)
    wait_until_equal(lambda: sorted(first.taken + second.taken), everything, "both workers")


def test_what_was_not_acknowledged_comes_again_to_the_next_worker(place: Place) -> None:
    never = Listener(CLOSED, refuses=1_000_000)
    broken = place.process(never)
    publish_until_taken(broken, [message(1)])
    wait_until_equal(lambda: never.refuses < 1_000_000, True, "a first try")
    place.end(broken)
    healthy = Listener(CLOSED)
    place.process(healthy)
    wait_until_equal(lambda: healthy.taken, [b"body 1"], "the next worker")


def test_connections_that_are_cut_are_opened_again_and_nothing_is_lost(place: Place) -> None:
    listener = Listener(CLOSED)
    broker = place.process(listener)
    publish_until_taken(broker, [message(1)])
    vhost = place.url.rpartition("/")[2]
    subprocess.run(
        ["rabbitmqctl", "--quiet", "close_all_connections", "--vhost", vhost, "a test"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    publish_until_taken(broker, [message(2)])
    wait_until_equal(lambda: set(listener.taken), {b"body 1", b"body 2"}, "both messages")


def test_without_a_connection_nothing_is_taken(rabbitmq_url: str) -> None:
    nowhere = rabbitmq_url.rpartition("/")[0] + "/no-such-vhost"
    broker = RabbitMqBroker(nowhere, Topology("test", {}), "test")
    with pytest.raises(BrokerAway):
        broker.publish([message(1)])
    broker.start()
    with pytest.raises(BrokerAway):
        broker.publish([message(1)])
    broker.stop()


def test_what_no_queue_takes_waits_where_it_raises_an_alarm(place: Place) -> None:
    sender = place.process()
    publish_until_taken(sender, [message(1, "popug.tasks.task_praised.v1")])
    wait_until_equal(lambda: place.depth(place.topology.unroutable_queue), 1, "the alarm queue")


def test_what_the_broker_gave_up_is_buried_not_lost(place: Place) -> None:
    listener = Listener(CLOSED)
    broker = place.process(listener)
    publish_until_taken(broker, [message(1)])
    place.put(place.topology.dead, "accounts", b"given up")
    wait_until_equal(lambda: listener.buried, [b"given up"], "the burial")
    assert listener.taken == [b"body 1"]
    wait_until_equal(
        lambda: place.depth(place.topology.dead_queue("accounts")), 0, "an empty dead queue"
    )


def test_what_kills_its_worker_again_and_again_leaves_the_queue_and_is_buried(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "DELIVERY_LIMIT", 2)
    publish_until_taken(place.process(), [message(1)])
    for _ in range(3):
        broken = Listener(CLOSED, refuses=1_000_000)
        crashed = place.process(broken)
        wait_until_equal(broken.has_refused, True, "a try")
        place.end(crashed)
    healthy = Listener(CLOSED)
    place.process(healthy)
    wait_until_equal(lambda: healthy.buried, [b"body 1"], "the burial")
    assert not healthy.taken


def test_a_queue_that_somebody_deletes_is_made_and_consumed_anew(place: Place) -> None:
    listener = Listener(CLOSED)
    broker = place.process(listener)
    publish_until_taken(broker, [message(1)])
    wait_until_equal(lambda: listener.taken, [b"body 1"], "the first message")
    place.delete(place.topology.queue("accounts"))
    wait_until_equal(lambda: _arrives(broker, listener), True, "what is sent afterwards")


def _arrives(broker: RabbitMqBroker, listener: Listener) -> bool:
    """Send once more; what goes out before the queue is made anew is heard by nobody."""
    publish_until_taken(broker, [message(2)])
    return b"body 2" in listener.taken


class Slow(Listener):
    """Begins a batch, and ends it when it is let."""

    def __init__(self) -> None:
        super().__init__(CLOSED)
        self.begun, self.let = threading.Event(), threading.Event()

    def __call__(self, bodies: Sequence[bytes]) -> None:
        self.begun.set()
        assert self.let.wait(30)
        super().__call__(bodies)


def test_a_worker_that_is_asked_to_end_finishes_and_acknowledges_its_batch(place: Place) -> None:
    slow = Slow()
    worker = place.process(slow)
    publish_until_taken(worker, [message(1)])
    assert slow.begun.wait(30)
    ending = threading.Thread(target=place.end, args=(worker,))
    ending.start()
    slow.let.set()
    ending.join(30)
    late = Listener(CLOSED)
    publish_until_taken(place.process(late), [message(2)])
    wait_until_equal(lambda: late.taken, [b"body 2"], "the next worker")
    assert slow.taken == [b"body 1"]


def test_heartbeats_are_answered_while_a_batch_is_worked_on(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "HEARTBEAT_SECONDS", 4)
    slow = Slow()
    worker = place.process(slow)
    publish_until_taken(worker, [message(1)])
    assert slow.begun.wait(30)
    time.sleep(14)  # RabbitMQ gives up whoever misses heartbeats for twice their time
    slow.let.set()
    wait_until_equal(lambda: place.depth(place.topology.queue("accounts")), 0, "an empty queue")
    publish_until_taken(worker, [message(2)])
    wait_until_equal(lambda: slow.taken, [b"body 1", b"body 2"], "each of them, once")


class HeldInBulk(Listener):
    """Stands still at the first event that comes by the thousand, until it is let go."""

    def __init__(self) -> None:
        super().__init__(CLOSED)
        self.begun, self.let = threading.Event(), threading.Event()

    def __call__(self, bodies: Sequence[bytes]) -> None:
        if b"body 1" in bodies:
            self.begun.set()
            assert self.let.wait(60)
        super().__call__(bodies)


def test_nobody_waits_behind_what_comes_by_the_thousand(place: Place) -> None:
    held = HeldInBulk()
    worker = place.process(held)
    try:
        thousand = [replace(message(number), bulk=True) for number in range(1, 1_001)]
        publish_until_taken(worker, thousand)
        assert held.begun.wait(30)
        publish_until_taken(worker, [message(0)])
        wait_until_equal(lambda: held.taken, [b"body 0"], "the click's event")
        assert worker.in_hand("accounts") > 0
    finally:
        held.let.set()
    bodies = {f"body {number}".encode() for number in range(1_001)}
    wait_until_equal(lambda: set(held.taken), bodies, "all of them")


def test_who_only_publishes_takes_nothing_from_a_queue(place: Place) -> None:
    listener = Listener(CLOSED)
    publisher = RabbitMqBroker(place.url, place.topology, "web", consumes=False)
    publisher.subscribe("accounts", listener.types, listener, listener.buried.extend)
    publisher.start()
    try:
        publish_until_taken(publisher, [message(1)])
        assert publisher.connected()
        assert publisher.dead_threads() == []
        queue = place.topology.queue("accounts")
        wait_until_equal(lambda: place.depth(queue), 1, "the message, ready for somebody else")
    finally:
        publisher.stop()
    assert listener.taken == []


def test_a_service_cannot_hear_what_the_topology_does_not_say(rabbitmq_url: str) -> None:
    broker = RabbitMqBroker(rabbitmq_url, Topology("test", {"accounts": frozenset()}), "test")
    listener = Listener(CLOSED)
    with pytest.raises(ValueError, match="other types"):
        broker.subscribe("accounts", listener.types, listener, listener.buried.extend)

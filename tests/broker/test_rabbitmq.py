"""What RabbitMQ adds to the port: queues that outlive processes, and alarms."""

import subprocess
from collections.abc import Iterator

import pika
import pytest

from chassis.broker import BrokerAway
from chassis.rabbitmq import RabbitMqBroker
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


def test_a_service_cannot_hear_what_the_topology_does_not_say(rabbitmq_url: str) -> None:
    broker = RabbitMqBroker(rabbitmq_url, Topology("test", {"accounts": frozenset()}), "test")
    listener = Listener(CLOSED)
    with pytest.raises(ValueError, match="other types"):
        broker.subscribe("accounts", listener.types, listener, listener.buried.extend)

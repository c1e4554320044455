"""The broker port on RabbitMQ."""

from collections.abc import Sequence

from chassis.broker import Bury, Deliver
from chassis.outbox import Message
from chassis.rabbitmq.consuming import QueueConsumer
from chassis.rabbitmq.publishing import Publisher
from chassis.rabbitmq.topology import Topology


class RabbitMqBroker:
    """Publishes for one process, and consumes for what subscribes in it.

    Nothing connects before `start`. `publish` may be called from one thread at a time.
    """

    keeps_messages = True

    def __init__(self, url: str, topology: Topology, name: str) -> None:
        """`name` tells this process's connections from others in the broker's lists."""
        self._url = url
        self._topology = topology
        self._publisher = Publisher(url, f"publisher-{name}", topology)
        self._consumers: list[QueueConsumer] = []

    def publish(self, messages: Sequence[Message]) -> None:
        self._publisher.publish(messages)

    def subscribe(
        self, subscriber: str, types: frozenset[str], deliver: Deliver, bury: Bury
    ) -> None:
        if types != self._topology.heard.get(subscriber):
            raise ValueError(f"{subscriber} hears other types than the topology says")
        self._consumers.append(QueueConsumer(self._url, self._topology, subscriber, deliver, bury))

    def start(self) -> None:
        self._publisher.start()
        for consumer in self._consumers:
            consumer.start()

    def stop(self) -> None:
        for consumer in self._consumers:
            consumer.stop()
        self._publisher.stop()

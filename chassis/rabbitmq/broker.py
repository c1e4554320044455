"""The broker port on RabbitMQ."""

from collections.abc import Sequence

from chassis.broker import Bury, Deliver, Held, QueueState
from chassis.outbox import Message
from chassis.rabbitmq.consuming import BATCH, BULK_BATCH, Lane, QueueConsumer
from chassis.rabbitmq.depths import DepthWatch
from chassis.rabbitmq.publishing import Publisher
from chassis.rabbitmq.topology import Topology


class RabbitMqBroker:
    """Publishes for one process, and consumes for what subscribes in it.

    Nothing connects before `start`. `publish` may be called from one thread at a time.
    """

    keeps_messages = True

    def __init__(self, url: str, topology: Topology, name: str, consumes: bool = True) -> None:
        """`name` tells this process's connections from others in the broker's lists.

        Without `consumes` it only publishes, on one connection.
        """
        self._consumes = consumes
        self._url = url
        self._topology = topology
        self._publisher = Publisher(url, f"publisher-{name}", topology)
        self._watch = DepthWatch(url, name, topology)
        self._consumers: dict[str, list[QueueConsumer]] = {}

    def publish(self, messages: Sequence[Message]) -> None:
        self._publisher.publish(messages)

    def subscribe(
        self, subscriber: str, types: frozenset[str], deliver: Deliver, bury: Bury
    ) -> None:
        if types != self._topology.heard.get(subscriber):
            raise ValueError(f"{subscriber} hears other types than the topology says")
        if not self._consumes:
            return
        self._consumers[subscriber] = [
            QueueConsumer(self._url, self._topology, lane, deliver, bury)
            for lane in lanes(self._topology, subscriber)
        ]

    def start(self) -> None:
        self._publisher.start()
        if self._consumes:
            self._watch.start()
        for consumer in self._all_consumers():
            consumer.start()

    def stop(self) -> None:
        for consumer in self._all_consumers():
            consumer.stop()
        self._watch.stop()
        self._publisher.stop()

    def connected(self) -> bool:
        return self._publisher.connected and all(each.connected for each in self._all_consumers())

    def dead_threads(self) -> list[str]:
        dead = self._publisher.dead_threads() + self._watch.dead_threads()
        return dead + [name for each in self._all_consumers() for name in each.dead_threads()]

    def queues(self, subscriber: str) -> Sequence[QueueState]:
        kinds = {
            self._topology.queue(subscriber): "events",
            self._topology.bulk_queue(subscriber): "bulk",
            self._topology.dead_queue(subscriber): "dead",
            self._topology.unroutable_queue: "unroutable",
        }
        found = self._watch.look(kinds)
        return [QueueState(name, kind, *found[name]) for name, kind in kinds.items()]

    def in_hand(self, subscriber: str) -> int:
        return sum(each.in_hand for each in self._consumers.get(subscriber, []))

    def oldest_in_hand(self, subscriber: str) -> Held | None:
        held = [each.oldest for each in self._consumers.get(subscriber, [])]
        return max((one for one in held if one), key=lambda one: one.seconds, default=None)

    def _all_consumers(self) -> list[QueueConsumer]:
        return [each for lanes in self._consumers.values() for each in lanes]


def lanes(topology: Topology, subscriber: str) -> tuple[Lane, Lane]:
    """What a subscriber works through side by side: single events, and those by the thousand."""
    own, bulk = topology.queue(subscriber), topology.bulk_queue(subscriber)
    return (
        Lane(subscriber, subscriber, own, topology.dead_queue(subscriber), BATCH),
        Lane(subscriber, f"{subscriber}-bulk", bulk, None, BULK_BATCH),
    )

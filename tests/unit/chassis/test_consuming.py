"""A batch of deliveries: what one acknowledgement covers."""

from typing import Any, cast

import pytest
from pika.channel import Channel

from chassis.rabbitmq.broker import lanes
from chassis.rabbitmq.consuming import QueueConsumer, _Delivery
from chassis.rabbitmq.link import Link
from chassis.rabbitmq.topology import Topology


class AChannel:
    """Remembers what was acknowledged on it."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []

    def basic_ack(self, tag: int, multiple: bool) -> None:
        assert multiple
        self.acknowledged.append(tag)


class ChangingLink:
    """Has one channel, and after the first look another."""

    def __init__(self, consumer: QueueConsumer) -> None:
        self.consumer = consumer
        self.now, self.next = AChannel(), AChannel()

    def is_open(self, channel: Any) -> bool:
        is_open = channel is self.now
        if self.now is not self.next:
            self.now = self.next
            for tag in (1, 2):
                put(self.consumer, self.next, tag)
        return is_open

    def call(self, work: Any) -> None:
        work(self.now)


def put(consumer: QueueConsumer, channel: Any, tag: int) -> None:
    delivery = _Delivery(cast(Channel, channel), tag, f"body {tag}".encode(), dead=False)
    consumer._arrived.put(delivery)


@pytest.fixture
def applied() -> list[bytes]:
    return []


def test_a_batch_is_of_one_channel_so_that_nothing_is_acknowledged_unapplied(
    applied: list[bytes],
) -> None:
    topology = Topology("test", {"accounts": frozenset()})
    own, _bulk = lanes(topology, "accounts")
    consumer = QueueConsumer("amqp://nowhere/", topology, own, applied.extend, lambda _dead: None)
    link = ChangingLink(consumer)
    consumer._link = cast(Link, link)
    put(consumer, link.now, 7)
    for _ in range(2):
        batch = consumer._next_batch()
        if batch and consumer._apply(batch):
            consumer._acknowledge(batch[-1])
        put(consumer, link.next, 3)
    # What came over the channel of before comes again over this one.
    assert applied == [b"body 1", b"body 2", b"body 3"]
    assert link.next.acknowledged == [2, 3]

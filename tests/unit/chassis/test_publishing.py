"""A window of confirmations: what counts as taken by the broker, and what does not."""

import threading
from collections.abc import Callable
from typing import Any, cast

import pika
import pytest
from pika.channel import Channel

from chassis.broker import BrokerAway
from chassis.outbox import Message
from chassis.rabbitmq.link import Link
from chassis.rabbitmq.publishing import Publisher
from chassis.rabbitmq.topology import Topology
from tests.waiting import wait_for


class SilentChannel:
    """Takes messages, and confirms nothing by itself."""

    def __init__(self) -> None:
        self.published: list[bytes] = []

    def basic_publish(self, _exchange: str, _key: str, body: bytes, *_: Any, **__: Any) -> None:
        self.published.append(body)


class HeldLink:
    """Does what it is asked only when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Callable[[Channel], None]] = []

    def call(self, work: Callable[[Channel], None]) -> None:
        self.asked.append(work)


class Sending:
    """A publisher whose broker is played by the test."""

    def __init__(self) -> None:
        self.publisher = Publisher("amqp://nowhere/", "test", Topology("test", {}))
        self.link = HeldLink()
        self.publisher._link = cast(Link, self.link)
        self.channel = SilentChannel()
        self.outcome: list[str] = []

    def publish(self, *bodies: bytes) -> threading.Thread:
        """Publish on a thread, as the relay does, and wait until the link was asked."""
        before = len(self.link.asked)
        messages = [Message(n, f"e{n}", "t", body) for n, body in enumerate(bodies)]

        def work() -> None:
            try:
                self.publisher.publish(messages)
                self.outcome.append("taken")
            except BrokerAway as away:
                self.outcome.append(str(away))

        thread = threading.Thread(target=work)
        thread.start()
        wait_for(lambda: len(self.link.asked) > before, "the link to be asked")
        return thread

    def send(self) -> None:
        """Let the link do what it was asked last."""
        self.link.asked[-1](cast(Channel, self.channel))

    def confirm(self, tag: int, multiple: bool = False) -> None:
        self._frame(pika.spec.Basic.Ack(tag, multiple))

    def refuse(self, tag: int) -> None:
        self._frame(pika.spec.Basic.Nack(tag))

    def _frame(self, method: Any) -> None:
        self.publisher._confirmed(pika.frame.Method(1, method))


@pytest.fixture
def sending() -> Sending:
    return Sending()


def test_a_batch_is_taken_once_each_message_is_confirmed(sending: Sending) -> None:
    thread = sending.publish(b"1", b"2", b"3")
    sending.send()
    sending.confirm(2, multiple=True)
    assert sending.outcome == []
    sending.confirm(3)
    thread.join()
    assert sending.outcome == ["taken"]


def test_a_late_confirmation_of_an_earlier_batch_confirms_nothing_of_the_next(
    sending: Sending,
) -> None:
    first = sending.publish(b"1", b"2")
    sending.send()
    sending.refuse(1)
    first.join()
    second = sending.publish(b"3")
    window = sending.publisher._window
    assert window
    sending.confirm(2)  # of the first batch, before anything of the second was sent
    assert not window.settled.is_set()
    sending.send()
    sending.confirm(2, multiple=True)
    assert not window.settled.is_set()
    sending.confirm(3)
    second.join()
    assert sending.outcome == ["RabbitMQ refused a message (a queue is full)", "taken"]


def test_a_lost_connection_leaves_the_batch_in_the_outbox(sending: Sending) -> None:
    thread = sending.publish(b"1")
    sending.send()
    sending.publisher._lost()
    thread.join()
    assert sending.outcome == ["the connection to RabbitMQ was lost"]

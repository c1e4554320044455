"""A link goes on whatever happens on its thread, and whoever waits for an answer is told."""

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from pika.channel import Channel

from chassis.broker import BrokerAway
from chassis.outbox import Message
from chassis.rabbitmq import link
from chassis.rabbitmq.publishing import Publisher
from chassis.rabbitmq.topology import Topology
from tests.waiting import wait_for


class Loop:
    """Does what it is told on the thread that has started it; an error ends it."""

    def __init__(self) -> None:
        self._told = threading.Event()
        self._work: list[Callable[[], None]] = []
        self._stopped = False

    def start(self) -> None:
        while not self._stopped:
            self._told.wait()
            self._told.clear()
            while self._work:
                self._work.pop(0)()

    def add_callback_threadsafe(self, work: Callable[[], None]) -> None:
        self._work.append(work)
        self._told.set()

    def stop(self) -> None:
        self._stopped = True

    def close(self) -> None:
        """There is nothing to close."""


class FailingChannel:
    """Fails at the first message of all, as a bug or a full memory would; confirms the others."""

    is_open = True

    def __init__(self, publisher: Publisher, published: list[bytes]) -> None:
        self._publisher = publisher
        self._published = published

    def basic_publish(self, _exchange: str, _key: str, body: bytes, *_: Any, **__: Any) -> None:
        self._published.append(body)
        if len(self._published) == 1:
            raise MemoryError


def test_after_an_error_that_nobody_expects_messages_are_published_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "FIRST_PAUSE_SECONDS", 0.01)
    publisher = Publisher("amqp://nowhere/", "test", Topology("test", {}))
    published: list[bytes] = []

    class Connection:
        is_closing = is_closed = True

        def __init__(self, *_: Any, **__: Any) -> None:
            self.ioloop = Loop()
            channel = cast(Channel, FailingChannel(publisher, published))
            self.ioloop.add_callback_threadsafe(lambda: publisher._link.ready(channel))

    monkeypatch.setattr("pika.SelectConnection", Connection)
    publisher.start()
    try:
        wait_for(lambda: publisher.connected, "the first connection")
        with pytest.raises(BrokerAway, match="was lost"):
            publisher.publish([Message(1, "e1", "t", b"1")])
        assert publisher._window is None
        wait_for(lambda: publisher.connected, "the next connection")
        again = threading.Thread(target=publisher.publish, args=([Message(1, "e1", "t", b"1")],))
        again.start()
        wait_for(lambda: len(published) == 2, "the message to be published again")
        window = publisher._window
        assert window
        window.unconfirmed.clear()
        window.settle_if_confirmed()
        again.join()
    finally:
        publisher.stop()

"""Publishing: a window of messages at once, and a confirmation for each of them."""

import threading
import time
from collections.abc import Sequence
from typing import Any

import pika
from pika.channel import Channel

from chassis.broker import BrokerAway
from chassis.events import CONTENT_TYPE
from chassis.outbox import Message
from chassis.rabbitmq.link import Link
from chassis.rabbitmq.topology import Topology

CONFIRM_SECONDS = 20
PERSISTENT = 2


class _Window:
    """Messages on their way; `settled` once each is confirmed or any is refused."""

    def __init__(self) -> None:
        # Until all are sent, nothing outstanding does not mean that all are confirmed:
        # a confirmation of an earlier window may arrive in between.
        self.sent = False
        self.unconfirmed: set[int] = set()
        self.problem: str | None = None
        self.settled = threading.Event()

    def settle_if_confirmed(self) -> None:
        if self.sent and not self.unconfirmed:
            self.settled.set()

    def refuse(self, problem: str) -> None:
        self.problem = problem
        self.settled.set()


class Publisher:
    """Hands messages to the broker for good. One thread may call `publish` at a time."""

    def __init__(self, url: str, name: str, topology: Topology) -> None:
        self._topology = topology
        self._link = Link(url, name, self._prepare, self._lost)
        self._window: _Window | None = None
        self._last_tag = 0

    def start(self) -> None:
        self._link.start()

    def stop(self) -> None:
        self._link.stop()

    @property
    def connected(self) -> bool:
        """Whether something could be published now."""
        return self._link.connected

    def dead_threads(self) -> list[str]:
        """The link's thread, if it has ended by itself."""
        return self._link.dead_threads()

    def publish(self, messages: Sequence[Message]) -> None:
        """Returns when every message is confirmed. Raises BrokerAway: then none may be forgotten.

        A broker that is slow to confirm is not sent more until it has: what it took
        meanwhile comes again and is sorted out by the inboxes. In all it takes
        CONFIRM_SECONDS at most: a relay holds its rows meanwhile, and a server lets a
        transaction that stands still for longer go (`engines`).
        """
        if not messages:
            return
        until = time.monotonic() + CONFIRM_SECONDS
        late = self._window
        if late is not None and not late.settled.wait(CONFIRM_SECONDS):
            raise BrokerAway("RabbitMQ still owes confirmations")
        window = self._window = _Window()
        try:
            self._link.call(lambda channel: self._send(channel, messages, window))
        except BrokerAway:
            self._window = None
            raise
        if not window.settled.wait(max(until - time.monotonic(), 0)):
            raise BrokerAway(f"RabbitMQ did not confirm within {CONFIRM_SECONDS} s")
        self._window = None
        if window.problem:
            raise BrokerAway(window.problem)

    def _prepare(self, channel: Channel) -> None:
        self._last_tag = 0
        channel.confirm_delivery(self._confirmed, callback=lambda _ok: None)
        channel.add_on_return_callback(self._returned)
        self._topology.declare(channel, lambda: self._link.ready(channel))

    def _send(self, channel: Channel, messages: Sequence[Message], window: _Window) -> None:
        for message in messages:
            channel.basic_publish(
                self._topology.bulk if message.bulk else self._topology.events,
                message.type,
                message.body,
                pika.BasicProperties(
                    content_type=CONTENT_TYPE,
                    delivery_mode=PERSISTENT,
                    message_id=message.id,
                    type=message.type,
                ),
                # Confirms alone say nothing of a message that no queue is bound for.
                mandatory=True,
            )
            self._last_tag += 1
            window.unconfirmed.add(self._last_tag)
        window.sent = True

    def _confirmed(self, frame: Any) -> None:
        window = self._window
        if window is None:
            return
        if isinstance(frame.method, pika.spec.Basic.Nack):
            window.refuse("RabbitMQ refused a message (a queue is full)")
            return
        tag = frame.method.delivery_tag
        if frame.method.multiple:
            window.unconfirmed = {t for t in window.unconfirmed if t > tag}
        else:
            window.unconfirmed.discard(tag)
        window.settle_if_confirmed()

    def _returned(self, _channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        if self._window is not None:
            self._window.refuse(f"no queue takes {method.routing_key}")

    def _lost(self) -> None:
        if self._window is not None:
            self._window.refuse("the connection to RabbitMQ was lost")

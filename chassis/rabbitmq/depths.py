"""How full the queues are, asked passively: nothing is taken from them or put in.

A count is of messages that wait to be handed out; those that a worker holds and has not
acknowledged yet are in none (a worker says itself how many it holds).
"""

import threading
from collections.abc import Iterable
from typing import Any, NamedTuple

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.channel import Channel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from chassis.broker import BrokerAway
from chassis.rabbitmq.link import Link
from chassis.rabbitmq.topology import Topology

# A page or a scrape waits for it.
PATIENCE_SECONDS = 3.0
NOT_FOUND = 404


class Depth(NamedTuple):
    """Messages that wait in a queue, and how many workers take from it."""

    messages: int
    consumers: int


def queue_depths(url: str, topology: Topology) -> dict[str, Depth]:
    """Every queue of the system by name; one that nobody has declared yet is missing.

    Opens a connection for this one look. Raises BrokerAway.
    """
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = PATIENCE_SECONDS
    parameters.blocked_connection_timeout = PATIENCE_SECONDS
    # Notices a server that stops answering in the middle.
    parameters.heartbeat = round(2 * PATIENCE_SECONDS)
    parameters.connection_attempts = 1
    parameters.client_properties = {"connection_name": "depths"}
    try:
        connection = pika.BlockingConnection(parameters)
        try:
            return _ask_each(connection, topology.queues)
        finally:
            if connection.is_open:
                connection.close()
    except (AMQPError, AMQPConnectorException, OSError) as away:
        raise BrokerAway(f"RabbitMQ does not answer: {away!r}"[:200]) from away


def _ask_each(connection: Any, names: Iterable[str]) -> dict[str, Depth]:
    found: dict[str, Depth] = {}
    channel = connection.channel()
    for name in names:
        try:
            method = channel.queue_declare(name, passive=True).method
        except ChannelClosedByBroker as closed:
            if closed.reply_code != NOT_FOUND:
                raise
            channel = connection.channel()  # a queue that is missing costs the channel
        else:
            found[name] = Depth(method.message_count, method.consumer_count)
    return found


class _Look:
    """Answers that are awaited, queue by queue."""

    def __init__(self, names: Iterable[str]) -> None:
        self.missing = set(names)
        self.found: dict[str, Depth] = {}
        self.over = threading.Event()

    def answered(self, frame: Any) -> None:
        method = frame.method
        self.found[method.queue] = Depth(method.message_count, method.consumer_count)
        self.missing.discard(method.queue)
        if not self.missing:
            self.over.set()


class DepthWatch:
    """Looks again and again over a connection of its own.

    A broker short of memory stops reading from those that publish; this one it still
    answers. Thread-safe.
    """

    def __init__(self, url: str, name: str, topology: Topology) -> None:
        self._topology = topology
        self._link = Link(url, f"depths-{name}", self._prepare, self._lost)
        self._one_at_a_time = threading.Lock()
        self._look: _Look | None = None

    def start(self) -> None:
        self._link.start()

    def stop(self) -> None:
        self._link.stop()

    def dead_threads(self) -> list[str]:
        """The link's thread, if it has ended by itself."""
        return self._link.dead_threads()

    def look(self, names: Iterable[str]) -> dict[str, Depth]:
        """How full these queues are. Raises BrokerAway, after a few seconds at most."""
        with self._one_at_a_time:
            look = self._look = _Look(names)
            self._link.call(lambda channel: _declare(channel, look))
            answered = look.over.wait(PATIENCE_SECONDS)
            self._look = None
        if not answered or look.missing:
            raise BrokerAway("RabbitMQ did not say how full its queues are")
        return look.found

    def _prepare(self, channel: Channel) -> None:
        # So that every queue is there to be asked of.
        self._topology.declare(channel, lambda: self._link.ready(channel))

    def _lost(self) -> None:
        if self._look is not None:
            self._look.over.set()


def _declare(channel: Channel, look: _Look) -> None:
    for name in sorted(look.missing):
        channel.queue_declare(name, passive=True, callback=look.answered)

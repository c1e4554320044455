"""One connection to RabbitMQ on a thread of its own, opened again for ever.

pika may be used from one thread only. This thread does nothing but pika, so heartbeats
are answered whatever the rest of the process does.
"""

import random
import threading
from collections.abc import Callable
from typing import Any

import pika
from pika.channel import Channel
from pika.exceptions import AMQPError

from chassis.broker import BrokerAway
from chassis.logs import log
from chassis.threads import ended_by_themselves

# A connection that is dead without a word is noticed after two of them; RabbitMQ's own
# documentation finds 5 to 20 s right for most.
HEARTBEAT_SECONDS = 10
# Without a limit a connection that the broker blocks (memory, disk) hangs for ever.
BLOCKED_SECONDS = 60
SOCKET_SECONDS = 10
# However long the broker was away: soon after it is back, so are we.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0
CLOSING_SECONDS = 10


class Link:
    """Keeps one channel open. `on_open` prepares each new one; `on_lost` tells of its end."""

    def __init__(
        self, url: str, name: str, on_open: Callable[[Channel], None], on_lost: Callable[[], None]
    ) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = HEARTBEAT_SECONDS
        self._parameters.blocked_connection_timeout = BLOCKED_SECONDS
        self._parameters.socket_timeout = SOCKET_SECONDS
        self._parameters.client_properties = {"connection_name": name}
        self._on_open = on_open
        self._on_lost = on_lost
        self._log = log(link=name)
        self._name = name
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._connection: Any = None
        self._channel: Channel | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close after all that was asked of `call` before, and end the thread."""
        self._stopped.set()
        with self._lock:
            connection = self._connection
            if connection is not None:
                connection.ioloop.add_callback_threadsafe(lambda: self._close(connection))
        if self._thread:
            self._thread.join(CLOSING_SECONDS)

    def call(self, work: Callable[[Channel], None]) -> None:
        """Have `work(channel)` done on the link's thread. Raises BrokerAway without a channel."""
        with self._lock:
            channel, connection = self._channel, self._connection
            if channel is None:
                raise BrokerAway("not connected to RabbitMQ")
            connection.ioloop.add_callback_threadsafe(lambda: self._do(channel, work))

    @property
    def connected(self) -> bool:
        """Whether there is a prepared channel now."""
        return self._channel is not None

    def dead_threads(self) -> list[str]:
        """The name of this link's thread, if it has ended by itself."""
        return ended_by_themselves([self._thread], self._stopped)

    def is_open(self, channel: Channel) -> bool:
        """Whether this is the channel of now, and not one that was lost since."""
        return self._channel is channel

    def ready(self, channel: Channel) -> None:
        """The channel is prepared: from now on `call` hands it out."""
        self._pause = FIRST_PAUSE_SECONDS
        with self._lock:
            self._channel = channel
        self._log.info("connected to RabbitMQ")

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._connect_until_lost()
            except (AMQPError, OSError) as error:
                self._lost(error)
            except Exception as error:  # noqa: BLE001 - a link that ends would never open again
                self._log.exception("the link failed and opens again")
                self._lost(error)
            if not self._stopped.wait(self._pause * random.uniform(0.5, 1.5)):  # noqa: S311 - jitter
                self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)

    def _connect_until_lost(self) -> None:
        connection = pika.SelectConnection(
            self._parameters,
            on_open_callback=self._opened,
            on_open_error_callback=self._ended,
            on_close_callback=self._ended,
        )
        with self._lock:
            self._connection = connection
        try:
            connection.ioloop.start()
        finally:
            self._drop()
            with self._lock:
                self._connection = None
            connection.ioloop.close()

    def _opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._channel_closed)
        self._on_open(channel)

    def _channel_closed(self, channel: Channel, reason: Exception) -> None:
        self._lost(reason)
        if channel.connection.is_open:
            channel.connection.close()

    def _ended(self, connection: Any, reason: Exception) -> None:
        self._lost(reason)
        connection.ioloop.stop()

    def _drop(self) -> None:
        """Hand the channel out no more; whoever waits for an answer on it is told, once."""
        with self._lock:
            had_one, self._channel = self._channel is not None, None
        if had_one:
            self._on_lost()

    def _lost(self, reason: Exception) -> None:
        self._drop()
        if not self._stopped.is_set():
            self._log.warning("RabbitMQ is away", reason=str(reason)[:200])

    def _do(self, channel: Channel, work: Callable[[Channel], None]) -> None:
        if channel.is_open:
            work(channel)
        else:
            self._on_lost()  # closed between the asking and now

    def _close(self, connection: Any) -> None:
        """Say goodbye; a connection that is still being opened is given up."""
        if connection.is_closing or connection.is_closed:
            connection.ioloop.stop()
        else:
            connection.close()

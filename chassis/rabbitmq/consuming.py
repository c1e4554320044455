"""Consuming: what arrives is applied in batches, and acknowledged after the commit."""

import queue
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from pika.channel import Channel

from chassis.broker import BrokerAway, Bury, Deliver, Held
from chassis.gathering import Gathering
from chassis.logs import log
from chassis.rabbitmq.link import Link
from chassis.rabbitmq.topology import Topology
from chassis.threads import ended_by_themselves

BATCH = 500
# While a batch is applied, it holds locks and the processor that a click's event may need.
BULK_BATCH = 200
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0


@dataclass(frozen=True)
class _Delivery:
    channel: Channel
    tag: int
    body: bytes
    dead: bool
    arrived: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Lane:
    """Queues that one consumer works through: a service's own, and that of the given up.

    `name` is that of its thread and connection; `batch` events are applied in one transaction.
    """

    service: str
    name: str
    queue: str
    dead_queue: str | None
    batch: int


class QueueConsumer:
    """Works through one lane of a service, and buries what the broker gave up delivering.

    A batch is applied on a thread of its own, so that the connection lives through a
    long one. Until it is applied it is not acknowledged, however often that takes.
    """

    def __init__(
        self,
        url: str,
        topology: Topology,
        lane: Lane,
        deliver: Deliver,
        bury: Bury,
    ) -> None:
        self._topology = topology
        self._lane = lane
        self._deliver = deliver
        self._bury = bury
        self._link = Link(url, f"consumer-{lane.name}", self._prepare, lambda: None)
        # None ends the wait for the next one.
        self._arrived: queue.Queue[_Delivery | None] = queue.Queue()
        self._applying = 0
        # Of the batch that is being applied.
        self._first: _Delivery | None = None
        self._stopped = threading.Event()
        self._gathering = Gathering(self._stopped)
        self._thread = threading.Thread(target=self._work, name=f"apply-{lane.name}", daemon=True)
        self._log = log(service=lane.service)

    def start(self) -> None:
        self._link.start()
        self._thread.start()

    def stop(self) -> None:
        """Finish and acknowledge the batch at hand; the rest is the broker's again."""
        self._stopped.set()
        self._arrived.put(None)
        self._thread.join()
        self._link.stop()

    @property
    def connected(self) -> bool:
        """Whether messages can arrive now."""
        return self._link.connected

    @property
    def in_hand(self) -> int:
        """How many messages have arrived here and are not acknowledged yet."""
        return self._arrived.qsize() + self._applying

    @property
    def oldest(self) -> Held | None:
        """The first of these messages, as RabbitMQ keeps their order; None without any."""
        try:
            first = self._first or self._arrived.queue[0]
        except IndexError:
            return None
        return Held(first.body, time.monotonic() - first.arrived) if first else None

    def dead_threads(self) -> list[str]:
        """Threads of this consumer that have ended by themselves, by name."""
        started = self._thread if self._thread.ident is not None else None
        return self._link.dead_threads() + ended_by_themselves([started], self._stopped)

    def _prepare(self, channel: Channel) -> None:
        # Two batches: one is applied while the next arrives.
        channel.basic_qos(prefetch_count=2 * self._lane.batch, callback=lambda _ok: None)
        # A queue that somebody has deleted is declared and consumed anew with the next channel.
        channel.add_on_cancel_callback(lambda _cancelled: channel.close())
        self._topology.declare(channel, lambda: self._consume(channel))

    def _consume(self, channel: Channel) -> None:
        self._link.ready(channel)
        channel.basic_consume(self._lane.queue, self._arrival(dead=False))
        if self._lane.dead_queue:
            channel.basic_consume(self._lane.dead_queue, self._arrival(dead=True))

    def _arrival(self, dead: bool) -> Any:
        def put(channel: Channel, method: Any, _properties: Any, body: bytes) -> None:
            self._arrived.put(_Delivery(channel, method.delivery_tag, body, dead))

        return put

    def _work(self) -> None:
        while not self._stopped.is_set():
            batch = self._next_batch()
            self._applying, self._first = len(batch), batch[0] if batch else None
            if batch and self._apply(batch):
                self._acknowledge(batch[-1])
            self._applying, self._first = 0, None
            self._gathering.worked()

    def _next_batch(self) -> list[_Delivery]:
        """What has arrived on the channel of now, in its order; waits for the first.

        All of one channel: with the last one's tag all before it are acknowledged.
        """
        batch: list[_Delivery] = []
        try:
            delivery = self._arrived.get()
            # It is in nobody's hand but ours, also while more are waited for.
            self._applying, self._first = int(delivery is not None), delivery
            if self._arrived.qsize() < self._lane.batch:
                self._gathering.wait_for_more()
            while delivery is not None:
                # What a lost connection brought comes again on the new one.
                if batch and delivery.channel is not batch[0].channel:
                    batch.clear()
                if self._link.is_open(delivery.channel):
                    batch.append(delivery)
                if len(batch) >= self._lane.batch:
                    break
                delivery = self._arrived.get_nowait()
        except queue.Empty:
            pass
        return batch

    def _apply(self, batch: list[_Delivery]) -> bool:
        """Apply until it worked, or until the batch comes again anyway."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stopped.is_set() and self._link.is_open(batch[0].channel):
            try:
                self._deliver([d.body for d in batch if not d.dead])
                self._bury([d.body for d in batch if d.dead])
            except Exception as error:  # noqa: BLE001 - the machine's trouble: wait for it
                self._log.warning("events wait to be applied", error=repr(error)[:300])
                self._stopped.wait(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                return True
        return False

    def _acknowledge(self, last: _Delivery) -> None:
        """Acknowledge the batch with one frame: it was taken in the order of its tags."""

        def ack(channel: Channel) -> None:
            if channel is last.channel:
                channel.basic_ack(last.tag, multiple=True)

        try:
            self._link.call(ack)
        except BrokerAway:
            self._log.info("applied, but not acknowledged: it comes again")

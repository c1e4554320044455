"""Consuming: what arrives is applied in batches, and acknowledged after the commit."""

import queue
import random
import threading
from dataclasses import dataclass
from typing import Any

from pika.channel import Channel

from chassis.broker import BrokerAway, Bury, Deliver
from chassis.logs import log
from chassis.rabbitmq.link import Link
from chassis.rabbitmq.topology import Topology

BATCH = 500
# Two batches: one is applied while the next arrives.
PREFETCH = 2 * BATCH
LOOK_SECONDS = 0.5
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 15.0


@dataclass(frozen=True)
class _Delivery:
    channel: Channel
    tag: int
    body: bytes
    dead: bool


class QueueConsumer:
    """Works through one service's queue, and buries what the broker gave up delivering.

    A batch is applied on a thread of its own, so that the connection lives through a
    long one. Until it is applied it is not acknowledged, however often that takes.
    """

    def __init__(
        self, url: str, topology: Topology, subscriber: str, deliver: Deliver, bury: Bury
    ) -> None:
        self._topology = topology
        self._subscriber = subscriber
        self._deliver = deliver
        self._bury = bury
        self._link = Link(url, f"consumer-{subscriber}", self._prepare, lambda: None)
        self._arrived: queue.Queue[_Delivery] = queue.Queue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"apply-{subscriber}", daemon=True)
        self._log = log(service=subscriber)

    def start(self) -> None:
        self._link.start()
        self._thread.start()

    def stop(self) -> None:
        """Finish and acknowledge the batch at hand; the rest is the broker's again."""
        self._stopped.set()
        self._thread.join()
        self._link.stop()

    def _prepare(self, channel: Channel) -> None:
        channel.basic_qos(prefetch_count=PREFETCH, callback=lambda _ok: None)
        self._topology.declare(channel, lambda: self._consume(channel))

    def _consume(self, channel: Channel) -> None:
        self._link.ready(channel)
        for name, dead in (
            (self._topology.queue(self._subscriber), False),
            (self._topology.dead_queue(self._subscriber), True),
        ):
            channel.basic_consume(name, self._arrival(dead))

    def _arrival(self, dead: bool) -> Any:
        def put(channel: Channel, method: Any, _properties: Any, body: bytes) -> None:
            self._arrived.put(_Delivery(channel, method.delivery_tag, body, dead))

        return put

    def _work(self) -> None:
        while not self._stopped.is_set():
            batch = self._next_batch()
            if batch and self._apply(batch):
                self._acknowledge(batch[-1])

    def _next_batch(self) -> list[_Delivery]:
        """What has arrived on the channel of now, in its order; waits a moment for the first."""
        batch: list[_Delivery] = []
        try:
            delivery = self._arrived.get(timeout=LOOK_SECONDS)
            while True:
                # What a lost connection brought comes again on the new one.
                if self._link.is_open(delivery.channel):
                    batch.append(delivery)
                if len(batch) >= BATCH:
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

"""Figures that are looked up when somebody asks: in the database, and at the broker.

A look is kept for a moment, so that asking often costs nothing; one that takes too long
is not waited for. What cannot be known now is left out, never guessed.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from chassis import outbox, parking
from chassis.broker import BrokerAway
from chassis.database import DatabaseAway, Reading

if TYPE_CHECKING:
    from chassis.runtime import Runtime

# Prometheus asks every 15 seconds and waits for 10.
FRESH_SECONDS = 5.0
# Counting a million rows through an index takes a few tenths of a second.
COUNTED_FRESH_SECONDS = 60.0
PATIENCE_SECONDS = 4.0


@dataclass(frozen=True)
class Figure:
    """A number, or with `label` one number for each of its values.

    `name` follows Prometheus' conventions: plural things, or a unit at the end.
    """

    name: str
    description: str
    value: float | None = None
    label: str = ""
    values: Mapping[str, float] = field(default_factory=dict)

    def family(self) -> GaugeMetricFamily:
        """The figure as Prometheus takes it."""
        gauge = GaugeMetricFamily(
            self.name, self.description, labels=[self.label] if self.label else None
        )
        if self.value is not None:
            gauge.add_metric([], self.value)
        for which, number in self.values.items():
            gauge.add_metric([which], number)
        return gauge


class Figures(Collector):
    """All that is looked up for one service. Thread-safe."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._database = _Kept(self._look_into_database, FRESH_SECONDS)
        self._counted = _Kept(self._count_in_database, COUNTED_FRESH_SECONDS)
        self._broker = _Kept(self._look_at_broker, FRESH_SECONDS)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        looked = self._database.look()
        yield Figure(
            "database_reachable", "Whether the database answers: 1 or 0", looked is not None
        ).family()
        yield from looked or ()
        if self._runtime.works:
            yield from self._counted.look() or ()
            yield from self._broker.look() or ()

    def forget(self) -> None:
        """Look anew the next time, however soon that is."""
        for kept in (self._database, self._counted, self._broker):
            kept.forget()

    def _look_into_database(self) -> list[GaugeMetricFamily]:
        found = self._runtime.database.read(own_figures)
        return [figure.family() for figure in found]

    def _count_in_database(self) -> list[GaugeMetricFamily]:
        found = self._runtime.database.read(self._runtime.service.figures)
        return [figure.family() for figure in found]

    def _look_at_broker(self) -> list[GaugeMetricFamily]:
        runtime, broker = self._runtime, self._runtime.broker
        name = runtime.service.name
        found = [
            Figure(
                "broker_connected",
                "Whether events can be sent and received: 1 or 0",
                broker.connected(),
            ),
            Figure(
                "events_in_hand",
                "Events that were delivered here and are not applied yet",
                broker.in_hand(name),
            ),
            Figure(
                "dead_threads",
                "Threads that should work and have ended",
                len(runtime.dead_threads()),
            ),
        ]
        return [*(figure.family() for figure in found), *self._queues()]

    def _queues(self) -> list[GaugeMetricFamily]:
        """The queues' figures; without an answer from the broker there are none."""
        messages = GaugeMetricFamily(
            "queue_messages", "Messages that wait in a queue", labels=["queue", "kind"]
        )
        consumers = GaugeMetricFamily(
            "queue_consumers", "Workers that take from a queue", labels=["queue", "kind"]
        )
        try:
            queues = self._runtime.broker.queues(self._runtime.service.name)
        except BrokerAway:
            return []
        for queue in queues:
            messages.add_metric([queue.name, queue.kind], queue.messages)
            consumers.add_metric([queue.name, queue.kind], queue.consumers)
        return [messages, consumers]


def own_figures(reading: Reading) -> list[Figure]:
    """What every service has: its outbox and its parked events."""
    waiting, oldest = outbox.depth(reading)
    age = max((reading.now - oldest).total_seconds(), 0) if oldest else 0
    return [
        Figure("outbox_depth", "Events that wait to be sent", waiting),
        Figure("outbox_oldest_age_seconds", "How long the oldest of them has waited", age),
        Figure("parked_events", "Parked events that wait for a person", parking.count(reading)),
    ]


class _Kept:
    """One look at a time, on a thread of its own, kept while it is fresh.

    A look that failed is kept for a moment only.
    """

    def __init__(self, look: Callable[[], list[GaugeMetricFamily]], seconds: float) -> None:
        self._work = look
        self._seconds = seconds
        self._lock = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._going_on: Future[Any] | None = None
        self._found: list[GaugeMetricFamily] | None = None
        self._until = 0.0

    def forget(self) -> None:
        self._until = 0.0

    def look(self) -> list[GaugeMetricFamily] | None:
        """What was found just now or a moment ago; None if that cannot be known."""
        with self._lock:
            if time.monotonic() < self._until:
                return self._found
            # One that a server keeps waiting is not joined by a second one.
            if self._going_on is None:
                if self._thread is None:
                    self._thread = ThreadPoolExecutor(1, thread_name_prefix="figures")
                self._going_on = self._thread.submit(self._work)
            seconds = self._seconds
            try:
                self._found = self._going_on.result(PATIENCE_SECONDS)
            except NotYet:
                return None
            except (DatabaseAway, SQLAlchemyError):
                self._found, seconds = None, FRESH_SECONDS
            self._going_on = None
            self._until = time.monotonic() + seconds
            return self._found

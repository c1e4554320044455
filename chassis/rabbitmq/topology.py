"""Which exchanges and queues there are. Names carry a version: arguments cannot be changed.

events ──type──▶ <service>.v1 ───────┬──delivery limit──▶ dead ──▶ <service>.dead.v2
bulk ────type──▶ <service>.bulk.v1 ──┘
events, bulk ──no queue is bound──▶ unroutable ──▶ unroutable.v2
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pika.channel import Channel

# A message comes this often before the broker gives it up; a worker that is killed while
# it holds a batch counts as one try for each message of it, so the number is generous.
DELIVERY_LIMIT = 1_000
# Where no way leads on, nothing may be given up: without a limit of ours RabbitMQ 4 has one of
# 20, and deletes what is beyond. 3.10 has no word for "none".
NEVER_GIVEN_UP = 1_000_000_000


@dataclass(frozen=True)
class Topology:
    """Every consuming service with the event types that it hears. `prefix` is the system's."""

    prefix: str
    heard: Mapping[str, frozenset[str]]

    @property
    def events(self) -> str:
        return f"{self.prefix}.events"

    @property
    def bulk(self) -> str:
        return f"{self.prefix}.bulk"

    @property
    def unroutable(self) -> str:
        return f"{self.prefix}.unroutable"

    @property
    def dead(self) -> str:
        return f"{self.prefix}.dead"

    @property
    def unroutable_queue(self) -> str:
        return f"{self.prefix}.unroutable.v2"

    def queue(self, service: str) -> str:
        """What a service has still to hear."""
        return f"{self.prefix}.{service}.v1"

    def bulk_queue(self, service: str) -> str:
        """The same of events that come by the thousand, which nobody is to wait behind."""
        return f"{self.prefix}.{service}.bulk.v1"

    def own_queues(self, service: str) -> list[str]:
        """Both lanes of what a service has still to hear."""
        return [self.queue(service), self.bulk_queue(service)]

    def dead_queue(self, service: str) -> str:
        """What the broker gave up delivering to a service."""
        return f"{self.prefix}.{service}.dead.v2"

    @property
    def queues(self) -> list[str]:
        """Every queue there is."""
        own = [queue for service in sorted(self.heard) for queue in self.own_queues(service)]
        dead = [self.dead_queue(service) for service in sorted(self.heard)]
        return [*own, *dead, self.unroutable_queue]

    def declare(self, channel: Channel, ready: Callable[[], None]) -> None:
        """Declare all of it, in order, then call `ready`. Harmless where it exists."""
        steps = [
            *self._exchanges(channel),
            *self._queue(channel, self.unroutable_queue, self.unroutable, [""]),
        ]
        for service, types in sorted(self.heard.items()):
            steps += self._queue(channel, self.dead_queue(service), self.dead, [service])
            limited = {
                "x-delivery-limit": DELIVERY_LIMIT,
                "x-dead-letter-exchange": self.dead,
                "x-dead-letter-routing-key": service,
                # Both are needed for dead-lettering that loses nothing.
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            }
            for name, exchange in (
                (self.queue(service), self.events),
                (self.bulk_queue(service), self.bulk),
            ):
                steps += self._queue(channel, name, exchange, sorted(types), limited)
        _one_after_another(steps, ready)

    def _exchanges(self, channel: Channel) -> list[Callable[[Any], None]]:
        def declare(name: str, kind: str, **arguments: str) -> Callable[[Any], None]:
            return lambda done: channel.exchange_declare(
                name, kind, durable=True, arguments=arguments or None, callback=done
            )

        return [
            declare(self.unroutable, "fanout"),
            declare(self.dead, "direct"),
            declare(self.events, "topic", **{"alternate-exchange": self.unroutable}),
            declare(self.bulk, "topic", **{"alternate-exchange": self.unroutable}),
        ]

    def _queue(
        self,
        channel: Channel,
        name: str,
        exchange: str,
        keys: list[str],
        more: Mapping[str, Any] | None = None,
    ) -> list[Callable[[Any], None]]:
        kept = {"x-queue-type": "quorum", "x-delivery-limit": NEVER_GIVEN_UP}
        arguments = kept | dict(more or {})

        def declare(done: Any) -> None:
            channel.queue_declare(name, durable=True, arguments=arguments, callback=done)

        def bind(key: str) -> Callable[[Any], None]:
            return lambda done: channel.queue_bind(name, exchange, key, callback=done)

        return [declare, *(bind(key) for key in keys)]


def _one_after_another(steps: list[Callable[[Any], None]], ready: Callable[[], None]) -> None:
    """Each step begins when the one before it was answered."""
    waiting = iter(steps)

    def go_on(_answer: Any = None) -> None:
        step = next(waiting, None)
        if step is None:
            ready()
        else:
            step(go_on)

    go_on()

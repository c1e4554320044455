"""The broker port, and the broker for one process.

A service subscribes under its own name and is handed encoded events in batches.
`publish` returns only when the broker holds every message for good.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chassis.outbox import Message

Deliver = Callable[[Sequence[bytes]], None]
Bury = Callable[[Sequence[bytes]], None]


class BrokerAway(Exception):
    """The broker did not take the messages; they stay in the outbox and are sent again."""


@dataclass(frozen=True)
class QueueState:
    """One queue: what it holds (`events`, `dead`, `unroutable`), and how full it is.

    `messages` wait to be handed out; `consumers` take from it.
    """

    name: str
    kind: str
    messages: int
    consumers: int


@dataclass(frozen=True)
class Held:
    """A message that was delivered `seconds` ago and is not applied or parked yet."""

    body: bytes
    seconds: float


class Broker(Protocol):
    """What relays and consumers need of a broker.

    `keeps_messages`: it has queues of its own, so that `publish` touches no database.
    """

    keeps_messages: bool

    def publish(self, messages: Sequence[Message]) -> None:
        """Hand messages over for good, or raise BrokerAway: then none may be forgotten."""

    def subscribe(
        self, subscriber: str, types: frozenset[str], deliver: Deliver, bury: Bury
    ) -> None:
        """Hand `deliver` every message of these types, at least once each.

        `deliver` returns when the messages are applied or parked, and raises when they
        must come again. `bury` is handed what the broker has given up delivering.
        """

    def start(self) -> None:
        """Begin to deliver."""

    def stop(self) -> None:
        """Finish what is being delivered, and end."""

    def connected(self) -> bool:
        """Whether messages can be published and delivered now."""

    def dead_threads(self) -> list[str]:
        """Threads of the broker that have ended by themselves, by name."""

    def queues(self, subscriber: str) -> Sequence[QueueState]:
        """The queues that concern a subscriber. Raises BrokerAway, in a few seconds."""

    def in_hand(self, subscriber: str) -> int:
        """Messages that were delivered to it here, and are not applied or parked yet."""

    def oldest_in_hand(self, subscriber: str) -> Held | None:
        """The first of these messages, or None if there are none."""


@dataclass(frozen=True)
class _Subscription:
    subscriber: str
    types: frozenset[str]
    deliver: Deliver


class InProcessBroker:
    """A broker without a queue of its own, so that it has nothing to lose.

    `publish` hands the messages to each subscriber and returns when each has committed
    or parked them. The outbox row is the only copy until then.
    """

    keeps_messages = False

    def __init__(self) -> None:
        self._subscriptions: list[_Subscription] = []

    def start(self) -> None:
        """Nothing to begin: the relays' threads deliver."""

    def stop(self) -> None:
        """Nothing to end."""

    def connected(self) -> bool:
        return True

    def dead_threads(self) -> list[str]:
        return []

    def queues(self, subscriber: str) -> Sequence[QueueState]:  # noqa: ARG002 - the port's
        return []

    def in_hand(self, subscriber: str) -> int:  # noqa: ARG002 - the port's
        return 0

    def oldest_in_hand(self, subscriber: str) -> Held | None:  # noqa: ARG002 - the port's
        return None

    def subscribe(
        self,
        subscriber: str,
        types: frozenset[str],
        deliver: Deliver,
        bury: Bury,  # noqa: ARG002 - nothing is ever given up here
    ) -> None:
        self._subscriptions.append(_Subscription(subscriber, types, deliver))

    def publish(self, messages: Sequence[Message]) -> None:
        failed: dict[str, Exception] = {}
        for subscription in self._subscriptions:
            wanted = [m.body for m in messages if m.type in subscription.types]
            if not wanted:
                continue
            try:
                subscription.deliver(wanted)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others get theirs
                failed[subscription.subscriber] = error
        if failed:
            reasons = ", ".join(f"{name}: {error!r}" for name, error in failed.items())
            raise BrokerAway(f"not taken by {reasons}") from next(iter(failed.values()))

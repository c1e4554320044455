"""What relays and consumers rely on, whichever broker it is.

One class of cases for every broker: `make_broker` gives a fresh one.
"""

from collections.abc import Callable, Sequence

import pytest

from chassis.broker import Broker, BrokerAway, InProcessBroker
from chassis.outbox import Message

BROKERS: dict[str, Callable[[], Broker]] = {"in-process": InProcessBroker}


@pytest.fixture(params=sorted(BROKERS))
def broker(request: pytest.FixtureRequest) -> Broker:
    return BROKERS[request.param]()


class Listener:
    """Takes what it is given, or refuses it a number of times."""

    def __init__(self, refuses: int = 0) -> None:
        self.taken: list[bytes] = []
        self._refuses = refuses

    def __call__(self, bodies: Sequence[bytes]) -> None:
        if self._refuses:
            self._refuses -= 1
            raise OSError("disk full")
        self.taken += bodies


_CLOSED = "popug.tasks.task_closed.v1"
_ASSIGNED = "popug.tasks.task_assigned.v1"


def _message(number: int, kind: str = _CLOSED) -> Message:
    return Message(number, f"e{number}", kind, f"body {number}".encode())


CLOSED = frozenset({_CLOSED})
ASSIGNED = frozenset({_ASSIGNED})


class TestEveryBroker:
    def test_every_subscriber_gets_every_message_of_its_types(self, broker: Broker) -> None:
        accounts, analytics = Listener(), Listener()
        broker.subscribe("accounts", CLOSED | ASSIGNED, accounts)
        broker.subscribe("analytics", CLOSED, analytics)
        broker.publish([_message(1), _message(2, _ASSIGNED), _message(3)])
        assert accounts.taken == [b"body 1", b"body 2", b"body 3"]
        assert analytics.taken == [b"body 1", b"body 3"]

    def test_a_message_that_nobody_hears_is_taken(self, broker: Broker) -> None:
        broker.subscribe("accounts", CLOSED, Listener())
        broker.publish([_message(1, "popug.tasks.task_praised.v1")])

    def test_without_subscribers_nothing_is_in_the_way(self, broker: Broker) -> None:
        broker.publish([_message(1)])

    def test_nothing_is_nothing(self, broker: Broker) -> None:
        listener = Listener()
        broker.subscribe("accounts", CLOSED, listener)
        broker.publish([])
        assert listener.taken == []

    def test_what_a_subscriber_could_not_take_comes_again(self, broker: Broker) -> None:
        listener = Listener(refuses=1)
        broker.subscribe("accounts", CLOSED, listener)
        _publish_until_taken(broker, [_message(1), _message(2)])
        assert listener.taken == [b"body 1", b"body 2"]

    def test_one_subscriber_in_trouble_keeps_nothing_from_the_others(self, broker: Broker) -> None:
        first, troubled, last = Listener(), Listener(refuses=1), Listener()
        broker.subscribe("accounts", CLOSED, first)
        broker.subscribe("mailer", CLOSED, troubled)
        broker.subscribe("analytics", CLOSED, last)
        _publish_until_taken(broker, [_message(1)])
        assert troubled.taken == [b"body 1"]
        assert set(first.taken) == set(last.taken) == {b"body 1"}

    def test_bytes_arrive_as_they_were_sent(self, broker: Broker) -> None:
        listener = Listener()
        broker.subscribe("accounts", CLOSED, listener)
        body = bytes(range(256))
        broker.publish([Message(1, "e1", _CLOSED, body)])
        assert listener.taken == [body]


def _publish_until_taken(broker: Broker, messages: Sequence[Message]) -> None:
    """As the relay does: what was not taken for good is sent again."""
    for _ in range(3):
        try:
            broker.publish(messages)
        except BrokerAway:
            continue
        return
    raise AssertionError("not taken in three tries")


def test_in_one_process_the_sender_hears_at_once_that_nobody_holds_the_message() -> None:
    broker = InProcessBroker()
    healthy = Listener()
    broker.subscribe("mailer", CLOSED, Listener(refuses=1))
    broker.subscribe("accounts", CLOSED, healthy)
    with pytest.raises(BrokerAway, match="mailer"):
        broker.publish([_message(1)])
    assert healthy.taken == [b"body 1"]

"""What relays and consumers rely on, whichever broker it is: one class of cases for all."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count

import pytest

from chassis.broker import Broker, BrokerAway, InProcessBroker
from chassis.outbox import Message
from chassis.rabbitmq import RabbitMqBroker
from chassis.rabbitmq.topology import Topology
from tests.waiting import wait_until_equal

CLOSED = "popug.tasks.task_closed.v1"
ASSIGNED = "popug.tasks.task_assigned.v1"
prefixes = (f"test{number}" for number in count())


class Listener:
    """Takes what it is given, or refuses it a number of times."""

    def __init__(self, *types: str, refuses: int = 0) -> None:
        self.types = frozenset(types)
        self.taken: list[bytes] = []
        self.buried: list[bytes] = []
        self.refuses = refuses
        self.refused = False

    def has_refused(self) -> bool:
        """Whether it was given anything and has refused it."""
        return self.refused

    def __call__(self, bodies: Sequence[bytes]) -> None:
        if self.refuses:
            self.refuses -= 1
            self.refused = True
            raise OSError("disk full")
        self.taken += bodies


Start = Callable[..., Broker]


@pytest.fixture(params=["in-process", "rabbitmq"])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts a broker with these listeners: `start(accounts=Listener(...))`."""
    started: list[Broker] = []

    def begin(**listeners: Listener) -> Broker:
        broker: Broker = InProcessBroker()
        if request.param == "rabbitmq":
            heard = {name: listener.types for name, listener in listeners.items()}
            url = request.getfixturevalue("rabbitmq_url")
            broker = RabbitMqBroker(url, Topology(next(prefixes), heard), "test")
        for name, listener in listeners.items():
            broker.subscribe(name, listener.types, listener, listener.buried.extend)
        broker.start()
        started.append(broker)
        return broker

    yield begin
    for broker in started:
        broker.stop()


def message(number: int, kind: str = CLOSED) -> Message:
    return Message(number, f"e{number}", kind, f"body {number}".encode())


def publish_until_taken(broker: Broker, messages: Sequence[Message]) -> None:
    """As the relay does: what was not taken for good is sent again."""

    def taken() -> bool:
        try:
            broker.publish(messages)
        except BrokerAway:
            return False
        return True

    wait_until_equal(taken, True, "the broker to take the messages")


class TestEveryBroker:
    def test_every_subscriber_gets_every_message_of_its_types(self, start: Start) -> None:
        accounts, analytics = Listener(CLOSED, ASSIGNED), Listener(CLOSED)
        broker = start(accounts=accounts, analytics=analytics)
        publish_until_taken(broker, [message(1), message(2, ASSIGNED), message(3)])
        wait_until_equal(lambda: accounts.taken, [b"body 1", b"body 2", b"body 3"], "accounts")
        wait_until_equal(lambda: analytics.taken, [b"body 1", b"body 3"], "analytics")

    def test_a_message_that_nobody_hears_is_taken(self, start: Start) -> None:
        accounts = Listener(CLOSED)
        broker = start(accounts=accounts)
        publish_until_taken(broker, [message(1, "popug.tasks.task_praised.v1"), message(2)])
        wait_until_equal(lambda: accounts.taken, [b"body 2"], "accounts")

    def test_without_subscribers_nothing_is_in_the_way(self, start: Start) -> None:
        publish_until_taken(start(), [message(1)])

    def test_nothing_is_nothing(self, start: Start) -> None:
        accounts = Listener(CLOSED)
        broker = start(accounts=accounts)
        broker.publish([])
        publish_until_taken(broker, [message(1)])
        wait_until_equal(lambda: accounts.taken, [b"body 1"], "accounts")

    def test_what_a_subscriber_could_not_take_comes_again(self, start: Start) -> None:
        accounts = Listener(CLOSED, refuses=1)
        broker = start(accounts=accounts)
        publish_until_taken(broker, [message(1), message(2)])
        wait_until_equal(lambda: accounts.taken, [b"body 1", b"body 2"], "accounts")

    def test_one_subscriber_in_trouble_keeps_nothing_from_the_others(self, start: Start) -> None:
        first, troubled, last = Listener(CLOSED), Listener(CLOSED, refuses=1), Listener(CLOSED)
        broker = start(accounts=first, mailer=troubled, analytics=last)
        publish_until_taken(broker, [message(1)])
        for listener in (first, troubled, last):
            wait_until_equal(lambda: set(listener.taken), {b"body 1"}, "each of them")  # noqa: B023

    def test_bytes_arrive_as_they_were_sent(self, start: Start) -> None:
        accounts = Listener(CLOSED)
        broker = start(accounts=accounts)
        body = bytes(range(256))
        publish_until_taken(broker, [Message(1, "e1", CLOSED, body)])
        wait_until_equal(lambda: accounts.taken, [body], "accounts")

    def test_thousands_at_once_arrive_once_each_and_in_order(self, start: Start) -> None:
        accounts = Listener(CLOSED)
        broker = start(accounts=accounts)
        messages = [message(number) for number in range(3_000)]
        publish_until_taken(broker, messages)
        wait_until_equal(lambda: accounts.taken, [m.body for m in messages], "accounts")


def test_in_one_process_the_sender_hears_at_once_that_nobody_holds_the_message() -> None:
    broker = InProcessBroker()
    healthy, troubled = Listener(CLOSED), Listener(CLOSED, refuses=1)
    for name, listener in (("mailer", troubled), ("accounts", healthy)):
        broker.subscribe(name, listener.types, listener, listener.buried.extend)
    with pytest.raises(BrokerAway, match="mailer"):
        broker.publish([message(1)])
    assert healthy.taken == [b"body 1"]

"""A broker that takes nothing for want of memory: it is left, and come back to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.broker import BrokerAway
from chassis.rabbitmq import RabbitMqBroker, link
from chassis.rabbitmq.topology import Topology
from tests.broker.test_broker import CLOSED, Listener, message, prefixes, publish_until_taken
from tests.servers import rabbitmq
from tests.servers.rabbitmq import RabbitMqServer
from tests.waiting import wait_for, wait_until_equal


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RabbitMqServer]:
    """One of our own, whose memory we may take away."""
    missing = rabbitmq.why_not()
    if missing:
        pytest.skip(missing)
    made = RabbitMqServer(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_a_connection_that_stays_blocked_is_given_up_and_nothing_is_lost(
    server: RabbitMqServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "BLOCKED_SECONDS", 1)
    listener = Listener(CLOSED)
    topology = Topology(next(prefixes), {"accounts": listener.types})
    broker = RabbitMqBroker(server.url(), topology, "test")
    broker.subscribe("accounts", listener.types, listener, listener.buried.extend)
    broker.start()
    try:
        publish_until_taken(broker, [message(1)])
        server.raise_memory_alarm()
        with pytest.raises(BrokerAway, match="was lost"):
            broker.publish([message(2)])
        server.end_memory_alarm()
        publish_until_taken(broker, [message(2)])
        wait_until_equal(lambda: set(listener.taken), {b"body 1", b"body 2"}, "both messages")
        wait_for(broker.connected, "all connections")
    finally:
        broker.stop()

"""Brokers to test: the in-process one, and RabbitMQ where there is a server."""

from collections.abc import Iterator

import pytest

from tests import rabbitmq


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """A virtual host of this run's own."""
    if not rabbitmq.reachable():
        pytest.skip("no RabbitMQ server that lets us make virtual hosts")
    with rabbitmq.fresh_vhost() as url:
        yield url

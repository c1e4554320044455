"""A virtual host of one's own on a RabbitMQ server, deleted afterwards."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pika
from pika.exceptions import AMQPError

SERVER = os.environ.get("TEST_RABBITMQ", "127.0.0.1:5672")
USER = os.environ.get("TEST_RABBITMQ_USER", "guest")
PASSWORD = os.environ.get("TEST_RABBITMQ_PASSWORD", "guest")


def url(vhost: str) -> str:
    return f"amqp://{USER}:{PASSWORD}@{SERVER}/{vhost}"


def reachable() -> bool:
    """Whether there is a server to test against, and the means to make virtual hosts."""
    try:
        pika.BlockingConnection(pika.URLParameters(url("%2F"))).close()
    except (AMQPError, OSError):
        return False
    return shutil.which("rabbitmqctl") is not None and os.geteuid() == 0


@contextmanager
def fresh_vhost() -> Iterator[str]:
    """The URL of an empty virtual host."""
    name = f"popugtest-{secrets.token_hex(5)}"
    _control("add_vhost", name)
    try:
        _control("set_permissions", "-p", name, USER, ".*", ".*", ".*")
        yield url(name)
    finally:
        _control("delete_vhost", name)


def _control(*command: str) -> None:
    subprocess.run(
        ["rabbitmqctl", "--quiet", *command], check=True, capture_output=True, timeout=60
    )

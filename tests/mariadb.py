"""Databases and users on a MariaDB or MySQL server for one test, dropped afterwards."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pymysql

SERVER = os.environ.get("TEST_MARIADB", "127.0.0.1:3306")
USER = os.environ.get("TEST_MARIADB_USER", "root")
PASSWORD = os.environ.get("TEST_MARIADB_PASSWORD", "")

# What docs/operations.md says that an owner of the tables needs.
OWNER_RIGHTS = r"GRANT ALL PRIVILEGES ON `{prefix}\_%`.* TO '{owner}'@'%' WITH GRANT OPTION"


def connect(server: str = SERVER) -> "pymysql.Connection[pymysql.cursors.Cursor]":
    """A connection of the server's administrator."""
    host, _, port = server.partition(":")
    return pymysql.connect(
        host=host, port=int(port or 3306), user=USER, password=PASSWORD, connect_timeout=3
    )


def reachable() -> bool:
    """Whether there is a server to test against."""
    try:
        connect().close()
    except pymysql.Error:
        return False
    return True


@contextmanager
def fresh_databases(services: Sequence[str], server: str = SERVER) -> Iterator[str]:
    """One empty database per service; gives their URL with `{service}` in it."""
    with _databases(services, server) as prefix:
        secret = f":{PASSWORD}" if PASSWORD else ""
        yield f"mysql+pymysql://{USER}{secret}@{server}/{prefix}_{{service}}"


@dataclass(frozen=True)
class Limited:
    """URLs of the owner of the tables and of each service's own user, and that user's name.

    All hold `{service}`.
    """

    owner_url: str
    url: str
    user: str


@contextmanager
def limited_databases(services: Sequence[str], server: str = SERVER) -> Iterator[Limited]:
    """One empty database per service, and for each a user who has no right yet."""
    secret = secrets.token_hex(8)
    with _databases(services, server) as prefix:
        owner = f"{prefix}_owner"
        accounts = [owner, *(f"{prefix}_{service}" for service in services)]
        try:
            _run(
                server,
                *(f"CREATE USER '{name}'@'%' IDENTIFIED BY '{secret}'" for name in accounts),
                OWNER_RIGHTS.format(prefix=prefix.replace("_", r"\_"), owner=owner),
            )
            place = f"{secret}@{server}/{prefix}_{{service}}"
            yield Limited(
                f"mysql+pymysql://{owner}:{place}",
                f"mysql+pymysql://{prefix}_{{service}}:{place}",
                f"{prefix}_{{service}}",
            )
        finally:
            _run(server, *(f"DROP USER IF EXISTS '{name}'@'%'" for name in accounts))


@contextmanager
def _databases(services: Sequence[str], server: str) -> Iterator[str]:
    prefix = f"popugtest_{secrets.token_hex(5)}"
    names = [f"{prefix}_{service}" for service in services]
    try:
        _run(server, *(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4" for name in names))
        yield prefix
    finally:
        _run(server, *(f"DROP DATABASE IF EXISTS `{name}`" for name in names))


def _run(server: str, *statements: str) -> None:
    with connect(server) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)

"""Databases on a MariaDB or MySQL server for one test, dropped afterwards."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pymysql

SERVER = os.environ.get("TEST_MARIADB", "127.0.0.1:3306")
USER = os.environ.get("TEST_MARIADB_USER", "root")
PASSWORD = os.environ.get("TEST_MARIADB_PASSWORD", "")


def _connect() -> "pymysql.Connection[pymysql.cursors.Cursor]":
    host, _, port = SERVER.partition(":")
    return pymysql.connect(
        host=host, port=int(port or 3306), user=USER, password=PASSWORD, connect_timeout=3
    )


def reachable() -> bool:
    """Whether there is a server to test against."""
    try:
        _connect().close()
    except pymysql.Error:
        return False
    return True


@contextmanager
def fresh_databases(services: Sequence[str]) -> Iterator[str]:
    """One empty database per service; gives their URL with `{service}` in it."""
    prefix = f"popugtest_{secrets.token_hex(5)}"
    names = [f"{prefix}_{service}" for service in services]
    connection = _connect()
    try:
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
            secret = f":{PASSWORD}" if PASSWORD else ""
            yield f"mysql+pymysql://{USER}{secret}@{SERVER}/{prefix}_{{service}}"
    finally:
        connection = _connect()
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
        connection.close()

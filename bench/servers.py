"""Databases and a virtual host of a bench's own, and the workers that work in them."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.settings import load_settings
from tests import mariadb, rabbitmq
from tests.servers.process import OwnProcess
from tests.system.running import popug_command
from tests.waiting import wait_for

NAMES = ("tasks", "accounts", "analytics")
ALL = ("auth", *NAMES, "billing", "mailer")


@dataclass(frozen=True)
class Place:
    """Where the services of a run keep their data and meet."""

    folder: Path
    environment: Mapping[str, str]
    databases: Mapping[str, Database]
    schemas: Mapping[str, str]
    broker_url: str

    @property
    def log(self) -> Path:
        return self.folder / "popug.log"

    def count(self, service: str, table: str) -> int:
        """How many rows a table of a service has."""
        with mariadb.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM `{self.schemas[service]}`.{table}")
            row = cursor.fetchone()
        return int(row[0]) if row else 0


@contextmanager
def place() -> Iterator[Place]:
    """Empty, migrated databases on MariaDB, and an empty virtual host on RabbitMQ."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(mariadb.fresh_databases(ALL))
        broker = stack.enter_context(rabbitmq.fresh_vhost())
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("POPUG_")},
            "POPUG_DATA": str(folder / "data"),
            "POPUG_DATABASE_URL": url,
            "POPUG_BROKER_URL": broker,
            "POPUG_SERVICE_URL": "http://127.0.0.1:9/{service}",
            "POPUG_LOG_FORMAT": "json",
        }
        for command in (["make-keys", str(folder / "data" / "keys")], ["migrate"]):
            done = popug_command(environment, *command)
            assert done.returncode == 0, done.stderr
        databases = {name: _open(url.format(service=name), name) for name in NAMES}
        for database in databases.values():
            stack.callback(database.dispose)
        schemas = {name: url.format(service=name).rpartition("/")[2] for name in ALL}
        yield Place(folder, environment, databases, schemas, broker)


def _open(url: str, name: str) -> Database:
    return Database(url, SystemClock(), load_settings({}), f"/popug/{name}", patient=True)


@contextmanager
def running(place: Place, commands: Sequence[Sequence[str]]) -> Iterator[list[OwnProcess]]:
    """Programs, ended by their own ids."""
    started: list[OwnProcess] = []
    try:
        for command in commands:
            started.append(OwnProcess(command, place.environment, place.log))
        yield started
        ended = [each.ended for each in started if each.ended is not None]
        assert not ended, place.log.read_text()[-3000:]
    finally:
        for each in started:
            each.go_on()
            each.ask_to_end()
        for each in started:
            each.wait()


def until_said(place: Place, words: str, times: int) -> None:
    """Wait until the log has these words as often."""
    wait_for(lambda: place.log.read_text().count(words) >= times, words, 120)

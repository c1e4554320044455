"""A service's tables as an earlier version had them, to see what a migration makes of rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from chassis.clock import MovingClock
from chassis.database import Database
from chassis.settings import load_settings
from tests import mariadb
from tests.support import NOON


@contextmanager
def empty_database(engine: str, service: str, folder: Path) -> Iterator[Database]:
    """A service's database without a table, on SQLite or MariaDB."""
    if engine == "sqlite":
        with _opened(f"sqlite:///{folder / service}.db", service) as made:
            yield made
        return
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with (
        mariadb.fresh_databases([service]) as url,
        _opened(url.replace("{service}", service), service) as made,
    ):
        yield made


@contextmanager
def _opened(url: str, service: str) -> Iterator[Database]:
    made = Database(url, MovingClock(NOON), load_settings({}), f"/popug/{service}")
    yield made
    made.dispose()


def migrate_to(database: Database, package: str, revision: str) -> None:
    """Bring a service's tables to where they were once."""
    script = ScriptDirectory(str(files(package) / "migrations"))
    environment = EnvironmentContext(
        Config(), script, fn=lambda found, _: script._upgrade_revs(revision, found)
    )
    with (
        database.engine.execution_options(writes=True).connect() as connection,
        environment,
        connection.begin(),
    ):
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()


def write(database: Database, statement: str, *rows: dict[str, Any]) -> None:
    """Run a statement once for each of the rows."""
    with database.transaction() as tx:
        for row in rows:
            tx.execute(text(statement).bindparams(**row))

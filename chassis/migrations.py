"""Migrations: one line of history per service, in `<service>/migrations/versions/`."""

from importlib.resources import as_file, files

from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Column, Integer, MetaData
from sqlalchemy.exc import DatabaseError

from chassis.columns import Bytes, Code, Id, LongText, Position, UtcDateTime, short_text
from chassis.database import Database


class DatabaseUnfit(Exception):
    """A database that this version cannot work on; the text says why and what to do."""


def migrate(database: Database, package: str) -> bool:
    """Bring a service's tables up to date; says whether there was anything to do.

    Raises DatabaseAway, and DatabaseUnfit for a broken database or one of a later version.
    """
    try:
        with database.reachable():
            return _migrate(database, package)
    except DatabaseError as broken:
        url = database.engine.url.render_as_string(hide_password=True)
        raise DatabaseUnfit(
            f"the database of {package} cannot be used ({broken.orig}); "
            f"mend {url}, or put it back from a backup"
        ) from broken


def _migrate(database: Database, package: str) -> bool:
    with as_file(files(package) / "migrations") as folder:
        script = ScriptDirectory(str(folder))
        head = script.get_current_head()
        environment = EnvironmentContext(
            Config(), script, fn=lambda revision, _: script._upgrade_revs("head", revision)
        )
        with database.engine.execution_options(writes=True).connect() as connection:
            before = MigrationContext.configure(connection).get_current_revision()
            connection.rollback()
            if before == head:
                return False
            if before and before not in {known.revision for known in script.walk_revisions()}:
                raise DatabaseUnfit(
                    f"the database of {package} is of a later version than this program "
                    f"(revision {before}, known here up to {head}); run that version"
                )
            with environment, connection.begin():
                environment.configure(connection=connection, transactional_ddl=True)
                environment.run_migrations()
    return True


def create_chassis_tables() -> None:
    """The chassis's tables in their first form; every service's first migration calls it.

    A later change of them is a new function, called by a new migration of each service.
    """
    op.create_table(
        "outbox",
        Column("position", Position, primary_key=True, autoincrement=True),
        Column("event_id", Id, nullable=False, unique=True),
        Column("type", Code, nullable=False),
        Column("payload", Bytes, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "inbox",
        Column("event_id", Id, primary_key=True),
        Column("type", Code, nullable=False),
        Column("payload", Bytes, nullable=False),
        Column("applied_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "parked_events",
        Column("id", Position, primary_key=True, autoincrement=True),
        Column("digest", Id, nullable=False, unique=True),
        Column("type", Code, nullable=False),
        Column("reason", short_text(500), nullable=False),
        Column("detail", LongText, nullable=False),
        Column("payload", Bytes, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("parked_at", UtcDateTime, nullable=False),
        Column("status", Code, nullable=False),
        Column("decided_at", UtcDateTime),
        Column("decided_by", short_text(200)),
        Column("decision", short_text(500)),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_parked_status", "parked_events", ["status", "id"])
    op.create_table(
        "access",
        Column("user_id", Id, primary_key=True),
        Column("role", Code, nullable=False),
        Column("active", Boolean, nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("changed_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "ended_sessions",
        Column("session_id", Id, primary_key=True),
        Column("ended_at", UtcDateTime, nullable=False),
    )


def differences(database: Database, *metadata: MetaData) -> list[object]:
    """How the migrated tables differ from the declared ones: none, if all is well."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        return list(compare_metadata(context, list(metadata)))  # type: ignore[arg-type]

"""Migrations: one line of history per service, in `<service>/migrations/versions/`."""

import threading
from importlib.resources import as_file, files

from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    MetaData,
    TextClause,
    column,
    select,
    table,
    text,
)
from sqlalchemy.exc import DatabaseError

from chassis.columns import Bytes, Code, Id, LongText, Position, UtcDateTime, short_text
from chassis.database import Database, Reading
from chassis.engines import on_a_living_one
from chassis.reasons import claims, key_of

PARKED_AT_ONCE = 500
# Alembic keeps the migration at work in globals: a second one would write to its connection.
_ONE_AT_A_TIME = threading.Lock()
_REVISION = text("SELECT version_num FROM alembic_version")


class DatabaseUnfit(Exception):
    """A database that this version cannot work on; the text says why and what to do."""


def migrate(database: Database, package: str) -> bool:
    """Bring a service's tables up to date; says whether there was anything to do.

    Raises DatabaseAway, and DatabaseUnfit for a broken database or one of a later version.
    """
    try:
        with _ONE_AT_A_TIME, database.reachable():
            return _migrate(database, package)
    except DatabaseError as broken:
        url = database.engine.url.render_as_string(hide_password=True)
        raise DatabaseUnfit(
            f"the database of {package} cannot be used ({broken.orig}); "
            f"mend {url}, or put it back from a backup"
        ) from broken


def require_migrated(database: Database, package: str) -> None:
    """Raises DatabaseUnfit unless a service's tables are those of this version."""
    head = needed_revision(package)
    try:
        with database.reachable(), database.engine.connect() as connection:
            found = connection.execute(_REVISION).scalar()
    except DatabaseError as unread:
        raise DatabaseUnfit(
            f"the database of {package} has no tables that its user may read ({unread.orig}); "
            f"run `popug migrate` first, as the owner of the tables"
        ) from unread
    if found != head:
        raise DatabaseUnfit(
            f"the database of {package} is not of this version (revision {found}, needed is "
            f"{head}); run `popug migrate` of this version, or the version that it is of"
        )


def needed_revision(package: str) -> str:
    """The revision of a service's tables on which this version works."""
    with as_file(files(package) / "migrations") as folder:
        return str(ScriptDirectory(str(folder)).get_current_head())


def found_revision(reading: Reading) -> str:
    """The revision that a service's tables are of."""
    return str(reading.execute(_REVISION).scalar())


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
    create_outbox_and_inbox()
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


def create_outbox_and_inbox() -> None:
    """Both in their first form."""
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


def keep_what_was_sent() -> None:
    """Second form of the chassis's tables: sent events stay, and are found by subject."""
    op.add_column("outbox", Column("subject", Id))
    op.add_column("outbox", Column("sent_at", UtcDateTime))
    op.create_index("ix_outbox_sent", "outbox", ["sent_at", "position"])
    op.create_index("ix_outbox_subject", "outbox", ["subject"])
    op.add_column("inbox", Column("subject", Id))
    op.create_index("ix_inbox_subject", "inbox", ["subject"])
    op.create_table(
        "commits",
        Column("id", Id, primary_key=True),
        Column("committed_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_commits_committed_at", "commits", ["committed_at"])
    for name in ("outbox", "inbox"):
        op.execute(table(name, column("subject")).update().values(subject=_subject_in_payload()))


def group_what_is_parked() -> None:
    """Third form: parked events are grouped, decisions recorded, workers seen."""
    op.add_column("parked_events", Column("group_key", Id, nullable=False, server_default=""))
    for name in ("event_id", "subject", "decision_id"):
        op.add_column("parked_events", Column(name, Id))
    op.create_index("ix_parked_group", "parked_events", ["status", "group_key", "id", "parked_at"])
    op.create_index("ix_parked_subject", "parked_events", ["subject"])
    op.create_table(
        "parking_decisions",
        Column("id", Id, primary_key=True),
        Column("action", Code, nullable=False),
        Column("number", BigInteger),
        Column("group_key", Id),
        Column("type", Code, nullable=False),
        Column("about", short_text(500), nullable=False),
        Column("why", short_text(500), nullable=False),
        Column("by_id", short_text(200), nullable=False),
        Column("by_name", short_text(200), nullable=False),
        Column("decided_at", UtcDateTime, nullable=False),
        Column("status", Code, nullable=False),
        Column("claim", Id, unique=True),
        Column("reached", BigInteger, nullable=False),
        Column("until", BigInteger, nullable=False),
        Column("total", Integer, nullable=False),
        Column("settled", Integer, nullable=False),
        Column("failed", Integer, nullable=False),
        Column("outcome", short_text(500), nullable=False),
        Column("finished_at", UtcDateTime),
    )
    op.create_index("ix_parking_decisions_status", "parking_decisions", ["status", "id"])
    op.create_table(
        "workers",
        Column("id", Id, primary_key=True),
        Column("version", Code, nullable=False),
        Column("started_at", UtcDateTime, nullable=False),
        Column("seen_at", UtcDateTime, nullable=False),
    )
    _group_what_is_there()


def tell_what_workers_hold() -> None:
    """Fourth form: a worker's sign of life tells what it holds and has not applied."""
    op.add_column("workers", Column("in_hand", Integer, nullable=False, server_default="0"))
    op.add_column("workers", Column("oldest_in_hand", UtcDateTime))


def part_the_lanes() -> None:
    """Fifth form: an event of many lets those of single clicks pass."""
    op.add_column("outbox", Column("bulk", Boolean, nullable=False, server_default="0"))
    op.create_index("ix_outbox_lanes", "outbox", ["sent_at", "bulk", "position"])
    op.drop_index("ix_outbox_sent", "outbox")


def _group_what_is_there() -> None:
    """Give each event that is parked already its group, and what its bytes claim."""
    rows = table(
        "parked_events",
        *(column(name) for name in ("id", "type", "reason", "payload", "group_key")),
        *(column(name) for name in ("event_id", "subject")),
    )
    after = 0
    while True:
        found = op.get_bind().execute(
            select(rows.c.id, rows.c.type, rows.c.reason, rows.c.payload)
            .where(rows.c.id > after)
            .order_by(rows.c.id)
            .limit(PARKED_AT_ONCE)
        )
        for event in (batch := found.all()):
            claimed = claims(event.payload)
            op.execute(
                rows.update()
                .where(rows.c.id == event.id)
                .values(
                    group_key=key_of(event.type, event.reason),
                    event_id=claimed.event_id,
                    subject=claimed.subject,
                )
            )
        if not batch:
            return
        after = batch[-1].id


def _subject_in_payload() -> TextClause:
    if op.get_bind().dialect.name == "sqlite":
        return text("json_extract(CAST(payload AS TEXT), '$.subject')")
    return text("JSON_UNQUOTE(JSON_EXTRACT(CONVERT(payload USING utf8mb4), '$.subject'))")


def differences(database: Database, *metadata: MetaData) -> list[object]:
    """How the migrated tables differ from the declared ones: none, if all is well."""
    with database.engine.connect() as connection:
        on_a_living_one(connection, connection.begin)
        context = MigrationContext.configure(connection)
        return list(compare_metadata(context, list(metadata)))  # type: ignore[arg-type]

"""What a service's own database user may do: what the code needs, table by table, no more.

The tables belong to an owner, as whom migrations run; the services work as users who can
neither make tables nor, where a table is append-only, change what is written: TRUNCATE
would slip past the triggers that guard it. SQLite has no users.
"""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection, MetaData, Table, false, select
from sqlalchemy.exc import DBAPIError

from chassis.database import Database
from chassis.database_errors import error_code
from chassis.migrations import DatabaseUnfit, require_migrated
from chassis.outbox import metadata as chassis_tables

# Said of a table: `Table(..., info=APPEND_ONLY)`. Its rows are never changed or deleted.
APPEND_ONLY = {"append_only": True}

VERSION_TABLE = "alembic_version"
TO_READ = ("SELECT",)
TO_APPEND = ("SELECT", "INSERT")
TO_CHANGE = ("SELECT", "INSERT", "UPDATE", "DELETE")
# What MySQL and MariaDB both know of tables, and can therefore be taken back on both.
ALL = (
    *TO_CHANGE,
    *("CREATE", "DROP", "REFERENCES", "INDEX", "ALTER", "CREATE VIEW", "SHOW VIEW"),
    *("TRIGGER", "GRANT OPTION"),
)

NO_SUCH_USER = (1133, 1410)
# MySQL refuses to take back what was not given; MariaDB does not mind.
NO_SUCH_GRANT = (1141, 1147)
DENIED = (1142, 1143, 1044)


def is_append_only(table: Table) -> bool:
    """Whether the rows of this table are never changed or deleted."""
    return bool(table.info.get("append_only"))


def rights(metadata: MetaData) -> dict[str, tuple[str, ...]]:
    """What a service's user needs, by table: its own, the chassis's, and the version's."""
    return {
        VERSION_TABLE: TO_READ,
        **{table.name: _rights_on(table) for table in _tables(metadata)},
    }


def grant(database: Database, metadata: MetaData, user: str) -> None:
    """As the owner, give `user` (`name` or `name@host`) what he needs here, and no more.

    May be done again, also while the service works: what it needs is never missing.
    Raises DatabaseAway, and DatabaseUnfit if there is no such user.
    """
    name, _, host = user.partition("@")
    account = f"'{name}'@'{host or '%'}'"
    place = database.engine.url.database or ""
    with database.reachable(), database.engine.connect() as connection:
        try:
            for table, needed in rights(metadata).items():
                on = f"ON `{place}`.`{table}`"
                _run(connection, f"GRANT {', '.join(needed)} {on} TO {account}")
                for too_much in (right for right in ALL if right not in needed):
                    _take_back(connection, f"REVOKE {too_much} {on} FROM {account}")
        except DBAPIError as refused:
            if error_code(refused) not in NO_SUCH_USER:
                raise
            raise DatabaseUnfit(
                f"the database server has no user {account}; make it first: "
                f"CREATE USER {account} IDENTIFIED BY '...'"
            ) from refused
        # In a grant on a whole database an underline stands for any letter, unless escaped.
        # The wider one an owner of some databases can neither give nor take back: `check`
        # still tells what it allows.
        for pattern, beyond in ((place.replace("_", r"\_"), ()), (place, DENIED)):
            for too_wide in ("ALL PRIVILEGES", "GRANT OPTION"):
                statement = f"REVOKE {too_wide} ON `{pattern}`.* FROM {account}"
                _take_back(connection, statement, beyond)


def check(database: Database, package: str, metadata: MetaData) -> list[str]:
    """Whether a service can work on this database as the user that it was given.

    Each right is tried, on no rows. Gives what he may do to append-only tables beyond
    appending, like `UPDATE entries`. Raises DatabaseAway, and DatabaseUnfit for a
    database that is not migrated or a user who lacks a right.
    """
    require_migrated(database, package)
    if not database.locks_rows:
        return []
    with database.reachable(), database.engine.connect() as connection:
        tried = list(_tried(connection, metadata))
    lacks = [
        f"{right} {table.name}"
        for table, right, may in tried
        if not may and right in _rights_on(table)
    ]
    if lacks:
        raise DatabaseUnfit(
            f"the database user {database.engine.url.username} of {package} may not "
            f"{', '.join(lacks)}; run `popug migrate` as the owner with POPUG_DATABASE_USER"
        )
    return [
        f"{right} {table.name}"
        for table, right, may in tried
        if may and right not in _rights_on(table)
    ]


def _tables(metadata: MetaData) -> list[Table]:
    return [*chassis_tables.tables.values(), *metadata.tables.values()]


def _rights_on(table: Table) -> tuple[str, ...]:
    return TO_APPEND if is_append_only(table) else TO_CHANGE


def _tried(connection: Connection, metadata: MetaData) -> Iterator[tuple[Table, str, bool]]:
    for table in _tables(metadata):
        nothing = select(table).where(false())
        key = next(iter(table.primary_key))
        attempts: dict[str, Any] = {
            "SELECT": nothing,
            "INSERT": table.insert().from_select(list(table.columns), nothing),
            "UPDATE": table.update().where(false()).values({key: key}),
            "DELETE": table.delete().where(false()),
        }
        for right, statement in attempts.items():
            yield table, right, _may(connection, statement)


def _may(connection: Connection, statement: Any) -> bool:
    try:
        connection.execute(statement)
    except DBAPIError as error:
        if error_code(error) not in DENIED:
            raise
        return False
    return True


def _take_back(connection: Connection, statement: str, beyond: Collection[int] = ()) -> None:
    """Run a REVOKE; what was not given, and errors `beyond`, are left as they are."""
    try:
        _run(connection, statement)
    except DBAPIError as error:
        if error_code(error) not in (*NO_SUCH_GRANT, *beyond):
            raise


def _run(connection: Connection, statement: str) -> None:
    # The driver would take the % of a host for a place to fill in.
    connection.exec_driver_sql(statement.replace("%", "%%"))

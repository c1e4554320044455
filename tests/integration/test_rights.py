"""Each service's database user may do what its code needs, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from chassis import rights
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.database_errors import error_code
from chassis.migrations import DatabaseUnfit
from chassis.settings import SettingsRefused, load_settings
from popug.system import system
from tests import mariadb
from tests.mariadb import Limited
from tests.support import NAMES
from tests.system.running import Answer, popug_command

DENIED = (1044, 1142, 1143, 1227, 1370)
CHANGES = ("UPDATE", "DELETE")
APPENDED_TO = {
    "accounts": {"entries", "late_entries"},
    "billing": {"payout_transitions", "payout_returns"},
}
SERVICES = {service.name: service for service in system.services}


@pytest.fixture(scope="module")
def server() -> Iterator[Limited]:
    """Six databases that an owner has migrated, and their limited users."""
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.limited_databases(NAMES) as databases:
        migrated = _migrate(databases)
        assert migrated.returncode == 0, migrated.stderr
        yield databases


def _migrate(databases: Limited, **settings: str) -> Answer:
    settings = {
        "POPUG_DATABASE_URL": databases.owner_url,
        "POPUG_DATABASE_USER": databases.user,
        **settings,
    }
    return popug_command(settings, "migrate")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keys without which no service opens."""
    folder = tmp_path_factory.mktemp("keys")
    assert popug_command({}, "make-keys", str(folder)).returncode == 0
    return folder


def _listing(url: str, keys: Path) -> Answer:
    settings = {"POPUG_DATABASE_URL": url, "POPUG_KEYS_DIR": str(keys)}
    return popug_command(settings, "parked", "list")


def _engine(url: str, service: str) -> Engine:
    return create_engine(url.replace("{service}", service), isolation_level="AUTOCOMMIT")


@pytest.fixture(params=NAMES)
def limited(request: pytest.FixtureRequest, server: Limited) -> Iterator[Connection]:
    """A connection as one service's own user."""
    engine = _engine(server.url, request.param)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _refused(connection: Connection, statement: str) -> None:
    with pytest.raises(DBAPIError) as refusal:
        connection.exec_driver_sql(statement)
    assert error_code(refusal.value) in DENIED, statement


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id INT)",
        "CREATE TRIGGER t BEFORE INSERT ON outbox FOR EACH ROW SET @x = 1",
        "CREATE VIEW v AS SELECT * FROM outbox",
        "DROP TABLE outbox",
        "TRUNCATE TABLE inbox",
        "ALTER TABLE outbox ADD more INT",
        "CREATE INDEX i ON outbox (type)",
        "UPDATE alembic_version SET version_num = '0000'",
        "GRANT SELECT ON outbox TO root",
        "CREATE USER other",
        "SELECT * FROM mysql.user",
    ],
)
def test_no_service_may_change_what_there_is(limited: Connection, statement: str) -> None:
    _refused(limited, statement)


def test_no_service_sees_another_ones_database(limited: Connection) -> None:
    mine = str(limited.engine.url.database)
    prefix, _, own = mine.rpartition("_")
    for name in NAMES:
        if name != own:
            _refused(limited, f"SELECT * FROM `{prefix}_{name}`.outbox")
            _refused(limited, f"INSERT INTO `{prefix}_{name}`.inbox SELECT * FROM inbox")
    seen = set(limited.exec_driver_sql("SHOW DATABASES").scalars())
    assert seen <= {mine, "information_schema", "performance_schema"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET sum = 0",
        "DELETE FROM entries",
        "TRUNCATE TABLE entries",
        "DROP TABLE entries",
        "ALTER TABLE entries DROP COLUMN note",
        "DROP TRIGGER entries_no_update",
        "RENAME TABLE entries TO gone",
        "REPLACE INTO entries SELECT * FROM entries",
        "INSERT INTO entries SELECT * FROM entries ON DUPLICATE KEY UPDATE sum = 0",
    ],
)
def test_the_ledger_can_only_be_appended_to(server: Limited, statement: str) -> None:
    engine = _engine(server.url, "accounts")
    with engine.connect() as connection:
        _refused(connection, statement)
    engine.dispose()


@pytest.mark.parametrize("name", NAMES)
def test_append_only_tables_are_those_whose_triggers_refuse_updates(
    server: Limited, name: str
) -> None:
    engine = _engine(server.owner_url, name)
    with engine.connect() as connection:
        guarded = {
            verb: set(
                connection.execute(
                    text(
                        "SELECT event_object_table FROM information_schema.triggers "
                        "WHERE trigger_schema = DATABASE() AND event_manipulation = :verb "
                        "AND action_timing = 'BEFORE'"
                    ),
                    {"verb": verb},
                ).scalars()
            )
            for verb in ("UPDATE", "DELETE")
        }
    engine.dispose()
    declared = {
        table.name
        for table in SERVICES[name].metadata.tables.values()
        if table.info.get("append_only")
    }
    assert guarded == {"UPDATE": declared, "DELETE": declared}
    assert declared == APPENDED_TO.get(name, set())


@pytest.mark.parametrize(
    ("name", "table"), [("accounts", "late_entries"), ("billing", "payout_transitions")]
)
@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM {}", "TRUNCATE TABLE {}", "REPLACE INTO {0} SELECT * FROM {0}", "DROP TABLE {}"],
)
def test_what_is_kept_for_ever_can_only_be_appended_to(
    server: Limited, name: str, table: str, statement: str
) -> None:
    engine = _engine(server.url, name)
    with engine.connect() as connection:
        _refused(connection, statement.format(table))
        connection.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM {table}")
    engine.dispose()


@pytest.mark.parametrize(
    ("name", "insert"),
    [
        ("accounts", "late_entries (transaction_id, own_day) VALUES ('x', '2026-03-09')"),
        (
            "billing",
            "payout_transitions (payout_id, to_status, at, `by`, why) "
            "VALUES ('p', 'ready', '2026-03-09', 'a', '')",
        ),
    ],
)
def test_the_owner_himself_is_refused_by_the_triggers(
    server: Limited, name: str, insert: str
) -> None:
    engine = _engine(server.owner_url, name)
    table = insert.split()[0]
    with engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("SET autocommit = 0")
        connection.exec_driver_sql(f"INSERT INTO {insert}")
        key = connection.exec_driver_sql(f"SHOW COLUMNS FROM {table}").first()
        assert key is not None
        for statement in (
            f"UPDATE {table} SET {key[0]} = {key[0]}",
            f"DELETE FROM {table}",
            f"REPLACE INTO {table} SELECT * FROM {table}",
        ):
            with pytest.raises(DBAPIError, match=f"{table} is append-only"):
                connection.exec_driver_sql(statement)
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("SET autocommit = 1")
        transaction.rollback()
    engine.dispose()


def test_granting_again_changes_nothing_and_takes_back_what_is_too_much(server: Limited) -> None:
    before = _granted(server)
    owner = _engine(server.owner_url, "accounts")
    user = server.user.replace("{service}", "accounts")
    with owner.connect() as connection:
        place = connection.engine.url.database
        connection.exec_driver_sql(f"GRANT UPDATE, DROP ON `{place}`.entries TO '{user}'@'%%'")
        escaped = str(place).replace("_", r"\_")
        connection.exec_driver_sql(f"GRANT ALL ON `{escaped}`.* TO '{user}'@'%%'")
    owner.dispose()
    assert _granted(server) != before
    assert _migrate(server).returncode == 0
    assert _granted(server) == before


def _granted(server: Limited) -> list[str]:
    engine = _engine(server.url, "accounts")
    with engine.connect() as connection:
        found = sorted(connection.exec_driver_sql("SHOW GRANTS").scalars())
    engine.dispose()
    return found


def _check(url: str, name: str) -> list[str]:
    settings = load_settings({}, database_url=url)
    database = Database(settings.database_for(name), SystemClock(), settings, f"/popug/{name}")
    try:
        service = SERVICES[name]
        return rights.check(database, service.package, service.metadata)
    finally:
        database.dispose()


@pytest.mark.parametrize("name", NAMES)
def test_a_service_starts_on_exactly_these_rights(server: Limited, name: str) -> None:
    assert _check(server.url, name) == []


def test_a_user_who_may_do_more_to_the_ledger_is_reported(server: Limited) -> None:
    for name in NAMES:
        too_much = [f"{right} {table}" for table in APPENDED_TO.get(name, ()) for right in CHANGES]
        assert sorted(_check(server.owner_url, name)) == sorted(too_much)


@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "INSERT", "SELECT"])
def test_a_service_without_a_right_that_it_needs_does_not_start(
    server: Limited, keys: Path, right: str
) -> None:
    owner = _engine(server.owner_url, "tasks")
    user = server.user.replace("{service}", "tasks")
    with owner.connect() as connection:
        connection.exec_driver_sql(
            f"REVOKE {right} ON `{owner.url.database}`.tasks FROM '{user}'@'%%'"
        )
    owner.dispose()
    try:
        with pytest.raises(DatabaseUnfit, match=f"may not.* {right} tasks.*popug migrate"):
            _check(server.url, "tasks")
        said = _listing(server.url, keys)
        assert said.returncode == 1
        assert f"{right} tasks" in said.stderr
    finally:
        assert _migrate(server).returncode == 0
    assert _check(server.url, "tasks") == []


def test_a_service_on_a_database_that_is_not_migrated_says_so(keys: Path) -> None:
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.limited_databases(NAMES) as databases:
        for url in (databases.url, databases.owner_url):
            with pytest.raises(DatabaseUnfit, match="popug migrate"):
                _check(url, "tasks")
            said = _listing(url, keys)
            assert said.returncode == 1
            assert said.stderr.count("\n") == 1, "one sentence"
            assert "popug migrate" in said.stderr


def test_rights_for_a_user_who_does_not_exist_are_refused_in_a_sentence(server: Limited) -> None:
    said = _migrate(server, POPUG_DATABASE_USER="popug_nobody_{service}")
    assert said.returncode == 1
    assert "has no user 'popug_nobody_tasks'@'%'; make it first" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("user", ["popug", "po'pug_{service}", "{service}@", "{service}@a b", "`"])
def test_a_name_that_is_no_users_is_refused(user: str) -> None:
    with pytest.raises(SettingsRefused, match="POPUG_DATABASE_USER"):
        load_settings({}, database_url="mysql+pymysql://h/popug_{service}", database_user=user)


def test_users_on_sqlite_are_refused() -> None:
    with pytest.raises(SettingsRefused, match="SQLite has no users"):
        load_settings({}, database_user="popug_{service}")

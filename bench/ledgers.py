"""Ledgers in which every account has earned something, made quickly and all alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.ids import new_id
from chassis.migrations import migrate
from chassis.settings import load_settings
from tests import mariadb

AT_ONCE = 10_000
EARNED_CENTS = 3_000

# Both sides of a reward of each of these accounts, made by the server from the accounts.
REWARDS = """
INSERT INTO {schema}.entries (transaction_id, side, kind, source_id, user_id, task_id,
    occurred_at, day, sum, balance, note, posted_at)
SELECT CONCAT('r', user_id), side, 'reward', CONCAT('t', user_id), user_id, CONCAT('t', user_id),
    %(now)s, %(day)s, IF(side = 'popug', balance, -balance), IF(side = 'popug', balance, NULL),
    '', %(now)s
FROM {schema}.accounts JOIN (SELECT 'popug' AS side UNION SELECT 'company') AS sides
WHERE user_id BETWEEN %(first)s AND %(last)s
ORDER BY user_id, side DESC
"""


@contextmanager
def ledger(accounts: int, day: date) -> Iterator[str]:
    """A database of accounts alone, filled; gives the URL, with `{service}` in it."""
    with mariadb.fresh_databases(["accounts"]) as url:
        here = url.format(service="accounts")
        database = Database(here, SystemClock(), load_settings({}), "/popug/accounts", True)
        migrate(database, "accounts")
        database.dispose()
        fill(schema_of(url), accounts, day)
        yield url


def schema_of(url: str, service: str = "accounts") -> str:
    """The name of a service's database."""
    return url.format(service=service).rpartition("/")[2]


def fill(schema: str, accounts: int, day: date) -> None:
    """Open accounts, each with a reward of EARNED_CENTS on that day."""
    now = datetime.now(UTC).replace(tzinfo=None)
    with mariadb.connect() as connection, connection.cursor() as cursor:
        for start in range(0, accounts, AT_ONCE):
            users = [new_id() for _ in range(start, min(start + AT_ONCE, accounts))]
            cursor.executemany(
                f"INSERT INTO {schema}.accounts (user_id, balance, updated_at) VALUES (%s, %s, %s)",
                [(user, EARNED_CENTS, now) for user in users],
            )
            cursor.execute(
                REWARDS.format(schema=schema),
                {"now": now, "day": day, "first": min(users), "last": max(users)},
            )
            connection.commit()
        cursor.execute(f"ANALYZE TABLE {schema}.entries, {schema}.accounts")

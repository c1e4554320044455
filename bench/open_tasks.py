"""Open tasks in numbers, written past the service: what a shuffle of any size begins with."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chassis.ids import new_id
from tests import mariadb

PER_STATEMENT = 2_000
FEE_CENTS, REWARD_CENTS = 1_500, 3_000
TITLE = "Sort the seeds of the sunflower by weight, and count what is left"
DESCRIPTION = f"{TITLE}. " * 4


def top_up(schema: str, size: int, candidates: Sequence[str]) -> None:
    """Have `size` open tasks in the tables of tasks, each held by one of the candidates.

    Their first assignments are not written: nobody is charged for them.
    """
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"USE `{schema}`")
        cursor.execute("SELECT COUNT(*) FROM tasks WHERE status = 'open'")
        missing = size - _one(cursor)
        for start in range(0, missing, PER_STATEMENT):
            _add(cursor, min(PER_STATEMENT, missing - start), candidates)
            connection.commit()
        # Plans are made by what is known of the tables: of full ones, as in a company at work.
        cursor.execute("ANALYZE TABLE tasks, assignments")


def _add(cursor: Any, count: int, candidates: Sequence[str]) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        [new_id(), TITLE, TITLE.casefold(), DESCRIPTION, "open", secrets.choice(candidates),
         new_id(), FEE_CENTS, REWARD_CENTS, candidates[0], now]
        for _ in range(count)
    ]  # fmt: skip
    cursor.executemany(
        "INSERT INTO tasks (id, title, title_folded, description, status, assignee_id,"
        " assignment_id, fee, reward, created_by, created_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        rows,
    )


def forget_shuffles(schema: str) -> None:
    """Empty the outbox and forget what was dealt, so that each way begins with the same."""
    with mariadb.connect() as connection, connection.cursor() as cursor:
        for table in ("outbox", "assignments", "shuffles"):
            cursor.execute(f"TRUNCATE TABLE `{schema}`.{table}")


def _one(cursor: Any) -> int:
    row = cursor.fetchone()
    return int(row[0] or 0) if row else 0

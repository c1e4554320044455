"""A shuffle by hand: PyMySQL alone, the tables and guarantees of tasks, and nothing else.

What it cannot do without: a chunk's tasks are locked while they are open, each gets a draw
and an assignment of its own, its event stands in the outbox, and all of that and how far
it has come are one commit. The naive way is the same work, one task at a time.

PyMySQL sends rows as one statement only where all values are marks (`%s`): hence `now`.
"""

import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any

import uuid_utils

PER_COMMIT = {"chunks": 500, "naive": 1}
KIND = "popug.tasks.task_assigned.v1"
CHANCE = SystemRandom()

Connection = Any
Cursor = Any


def deal(connection: Connection, candidates: Sequence[str], mode: str, most: int) -> int:
    """Deal at most `most` of the open tasks, of all that are open now; says how many."""
    shuffle_id, up_to = _start(connection, candidates[0])
    after = dealt = 0
    while dealt < most:
        with connection.cursor() as cursor:
            tasks = _chunk(cursor, after, up_to, min(PER_COMMIT[mode], most - dealt))
            if not tasks:
                break
            _give(cursor, shuffle_id, tasks, candidates)
            after, dealt = tasks[-1][0], dealt + len(tasks)
            cursor.execute(
                "UPDATE shuffles SET `cursor` = %s, done = %s WHERE id = %s",
                [after, dealt, shuffle_id],
            )
        connection.commit()
    return dealt


def prepare(connection: Connection, schema: str) -> Connection:
    """The connection as Popug's are: to this database, READ COMMITTED."""
    with connection.cursor() as cursor:
        cursor.execute(f"USE `{schema}`")
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    return connection


def _start(connection: Connection, by: str) -> tuple[str, int]:
    shuffle_id = str(uuid_utils.uuid7())
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), MAX(position) FROM tasks WHERE status = 'open'")
        total, up_to = cursor.fetchone()
        cursor.execute(
            "INSERT INTO shuffles (id, status, started_by, started_at, total, up_to, `cursor`,"
            " done, skipped) VALUES (%s, 'done', %s, %s, %s, %s, 0, 0, 0)",
            [shuffle_id, by, _now(), total, up_to],
        )
    connection.commit()
    return shuffle_id, up_to


def _chunk(cursor: Cursor, after: int, up_to: int, most: int) -> Sequence[Sequence[Any]]:
    cursor.execute(
        "SELECT position, id, fee, reward FROM tasks WHERE status = 'open'"
        " AND position > %s AND position <= %s ORDER BY position LIMIT %s FOR UPDATE",
        [after, up_to, most],
    )
    return list(cursor.fetchall())


def _give(
    cursor: Cursor, shuffle_id: str, tasks: Sequence[Sequence[Any]], candidates: Sequence[str]
) -> None:
    now = _now()
    given = [(str(uuid_utils.uuid7()), task, CHANCE.choice(candidates)) for task in tasks]
    cursor.executemany(
        "INSERT INTO assignments (id, task_id, assignee_id, reason, shuffle_id, assigned_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [[new, task[1], to, "shuffled", shuffle_id, now] for new, task, to in given],
    )
    # The quickest of five that were tried: CASE, a derived table, INSERT .. ON DUPLICATE KEY, ids.
    cursor.execute(
        "UPDATE tasks JOIN assignments ON assignments.shuffle_id = %s"
        " AND assignments.task_id = tasks.id"
        " SET tasks.assignee_id = assignments.assignee_id, tasks.assignment_id = assignments.id"
        " WHERE tasks.position BETWEEN %s AND %s AND tasks.status = 'open'",
        [shuffle_id, tasks[0][0], tasks[-1][0]],
    )
    cursor.executemany(
        "INSERT INTO outbox (event_id, type, payload, created_at, subject)"
        " VALUES (%s, %s, %s, %s, %s)",
        [_event(new, task, to, now) for new, task, to in given],
    )


def _event(assignment_id: str, task: Sequence[Any], assignee: str, now: datetime) -> list[Any]:
    _, task_id, fee, reward = task
    event_id, at = str(uuid_utils.uuid7()), f"{now.isoformat()}Z"
    body = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/popug/tasks",
        "type": KIND,
        "subject": task_id,
        "time": at,
        "datacontenttype": "application/json",
        "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        "data": {
            "assignment_id": assignment_id,
            "task_id": task_id,
            "assignee_id": assignee,
            "fee": fee,
            "reward": reward,
            "reason": "shuffled",
            "assigned_at": at,
        },
    }
    return [event_id, KIND, json.dumps(body).encode(), now, task_id]


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)

"""Tables of tasks and assignments, and what is asked of them: rows in, domain values out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    MetaData,
    Select,
    Table,
    Update,
    select,
)

from chassis.columns import Cents, Code, Id, LongText, Position, UtcDateTime, short_text
from chassis.database import Reading, Transaction
from chassis.prepared import Prepared, prepared
from tasks.domain import CLOSED, OPEN, Assignment, OpenTask, Task, TaskNotFound
from tasks.drafts import TITLE_MOST

metadata = MetaData()

tasks = Table(
    "tasks",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("id", Id, nullable=False, unique=True),
    Column("jira_id", Code),
    Column("title", short_text(TITLE_MOST), nullable=False),
    # The title for searching: SQLite's LIKE knows upper and lower case of ASCII alone.
    # Folding makes three characters of one at most.
    Column("title_folded", short_text(3 * TITLE_MOST), nullable=False),
    Column("description", LongText, nullable=False),
    Column("status", Code, nullable=False),
    Column("assignee_id", Id, nullable=False),
    Column("assignment_id", Id, nullable=False),
    Column("fee", Cents, nullable=False),
    Column("reward", Cents, nullable=False),
    Column("created_by", Id, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Index("ix_tasks_assignee", "assignee_id", "status", "position"),
    Index("ix_tasks_status", "status", "position"),
    Index("ix_tasks_holders", "status", "assignee_id"),
    sqlite_autoincrement=True,
)

# Every assignment that ever was. That a shuffle deals a task once is a law of the table.
assignments = Table(
    "assignments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("task_id", Id, nullable=False),
    Column("assignee_id", Id, nullable=False),
    Column("reason", Code, nullable=False),
    Column("shuffle_id", Id),
    Column("assigned_at", UtcDateTime, nullable=False),
    Index("uq_assignments_shuffle_task", "shuffle_id", "task_id", unique=True),
    Index("ix_assignments_task", "task_id", "id"),
)


def find_task(reading: Reading, task_id: str) -> Task:
    """One task. Raises TaskNotFound."""
    return _one(reading, _by_id(known(task_id)))


def task_for_update(tx: Transaction, task_id: str) -> Task:
    """One task, which nobody else changes before this transaction ends. Raises TaskNotFound."""
    return _one(tx, _held(known(task_id)))


def open_tasks_for_update(
    tx: Transaction, most: int, *conditions: ColumnElement[bool]
) -> list[OpenTask]:
    """Open tasks that meet the conditions, oldest first; they stay open until this ends."""
    statement = select(*(tasks.c[name] for name in OpenTask._fields))
    statement = statement.where(tasks.c.status == OPEN, *conditions)
    rows = tx.execute(statement.order_by(tasks.c.position).limit(most).with_for_update())
    return [OpenTask(*row) for row in rows]


def add_task(tx: Transaction, task: Task, assignment: Assignment) -> None:
    """Keep a new task with its first assignment."""
    row = {
        "id": task.id,
        "jira_id": task.jira_id,
        "title": task.title,
        "title_folded": task.title.casefold(),
        "description": task.description,
        "status": task.status,
        "assignee_id": task.assignee_id,
        "assignment_id": assignment.id,
        "fee": task.fee,
        "reward": task.reward,
        "created_by": task.created_by,
        "created_at": task.created_at,
    }
    tx.insert(tasks, [row])
    tx.insert(assignments, [vars(assignment)])


def close_if_held(tx: Transaction, task_id: str, by: str) -> bool:
    """Close the task if it is open and `by` holds it, in one statement; says whether it was."""
    return tx.execute(_close(known(task_id), by, tx.now)).rowcount == 1


def give_tasks(tx: Transaction, given: Sequence[Assignment], shuffle_id: str | None = None) -> None:
    """Keep new assignments of tasks that are locked and open: two statements for them all.

    The tasks take who holds them from the assignments that were just written. Sent once
    more, as a CASE of 500 values, it would be most of the work here and a third of the server's.
    """
    if not given:
        return
    tx.insert(assignments, [vars(new) | {"shuffle_id": shuffle_id} for new in given])
    tx.execute(
        tasks.update()
        .where(tasks.c.id == assignments.c.task_id, assignments.c.id.in_([new.id for new in given]))
        .values(assignee_id=assignments.c.assignee_id, assignment_id=assignments.c.id)
    )


def has_held(reading: Reading, task_id: str, user_id: str) -> bool:
    """Whether the task was ever assigned to this person."""
    found = reading.execute(
        select(assignments.c.id)
        .where(assignments.c.task_id == task_id, assignments.c.assignee_id == user_id)
        .limit(1)
    )
    return found.first() is not None


def history(reading: Reading, task_id: str, most: int) -> list[Assignment]:
    """The latest assignments of a task, newest first."""
    rows = reading.execute(
        select(*(assignments.c[name] for name in Assignment.__dataclass_fields__))
        .where(assignments.c.task_id == task_id)
        .order_by(assignments.c.id.desc())
        .limit(most)
    )
    return [Assignment(*row) for row in rows]


def task_rows() -> Select[Any]:
    """The columns of a Task, in its order."""
    return select(*(tasks.c[name] for name in Task.__dataclass_fields__))


@prepared
def _by_id(task_id: str) -> Select[Any]:
    return task_rows().where(tasks.c.id == task_id)


@prepared
def _held(task_id: str) -> Select[Any]:
    return task_rows().where(tasks.c.id == task_id).with_for_update()


@prepared
def _close(task_id: str, by: str, now: datetime) -> Update:
    held = (tasks.c.id == task_id) & (tasks.c.status == OPEN) & (tasks.c.assignee_id == by)
    return tasks.update().where(held).values(status=CLOSED, closed_at=now)


def _one(reading: Reading, statement: Prepared) -> Task:
    row = reading.execute(statement).first()
    if row is None:
        raise TaskNotFound
    return Task(*row)


def all_tasks(reading: Reading, statement: Prepared) -> list[Task]:
    """The tasks that a statement of task_rows finds."""
    return [Task(*row) for row in reading.execute(statement)]


def known(text: str) -> str:
    """The text if it can be an id or code, else the empty one, which nothing has.

    Ids are ASCII, and MySQL refuses to compare them with anything else.
    """
    return text if text.isascii() else ""

"""Tasks, assignments, shuffles and idempotency keys."""

from alembic import op
from sqlalchemy import Column, Integer

from chassis.columns import Cents, Code, Id, LongText, Position, UtcDateTime, short_text
from chassis.migrations import create_chassis_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_chassis_tables()
    _create_tasks()
    _create_assignments()
    _create_shuffles()
    op.create_table(
        "idempotency_keys",
        Column("user_id", Id, primary_key=True),
        Column("key", Code, primary_key=True),
        Column("digest", Id, nullable=False),
        Column("made_id", Id, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
    )


def _create_tasks() -> None:
    op.create_table(
        "tasks",
        Column("position", Position, primary_key=True, autoincrement=True),
        Column("id", Id, nullable=False, unique=True),
        Column("jira_id", Code),
        Column("title", short_text(200), nullable=False),
        Column("title_folded", short_text(600), nullable=False),
        Column("description", LongText, nullable=False),
        Column("status", Code, nullable=False),
        Column("assignee_id", Id, nullable=False),
        Column("assignment_id", Id, nullable=False),
        Column("fee", Cents, nullable=False),
        Column("reward", Cents, nullable=False),
        Column("created_by", Id, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("closed_at", UtcDateTime),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tasks_assignee", "tasks", ["assignee_id", "status", "position"])
    op.create_index("ix_tasks_status", "tasks", ["status", "position"])
    op.create_index("ix_tasks_holders", "tasks", ["status", "assignee_id"])


def _create_assignments() -> None:
    op.create_table(
        "assignments",
        Column("id", Id, primary_key=True),
        Column("task_id", Id, nullable=False),
        Column("assignee_id", Id, nullable=False),
        Column("reason", Code, nullable=False),
        Column("shuffle_id", Id),
        Column("assigned_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_assignments_task", "assignments", ["task_id", "id"])
    op.create_index(
        "uq_assignments_shuffle_task", "assignments", ["shuffle_id", "task_id"], unique=True
    )


def _create_shuffles() -> None:
    op.create_table(
        "shuffles",
        Column("position", Position, primary_key=True, autoincrement=True),
        Column("id", Id, nullable=False, unique=True),
        Column("status", Code, nullable=False),
        Column("started_by", Id, nullable=False),
        Column("started_at", UtcDateTime, nullable=False),
        Column("total", Integer, nullable=False),
        Column("up_to", Position, nullable=False),
        Column("cursor", Position, nullable=False),
        Column("done", Integer, nullable=False),
        Column("skipped", Integer, nullable=False),
        Column("finished_at", UtcDateTime),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_shuffles_status", "shuffles", ["status", "position"])

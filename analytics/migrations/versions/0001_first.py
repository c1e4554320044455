"""Analytics' tables."""

from alembic import op
from sqlalchemy import Column, Date

from chassis.columns import Cents, Code, Id, UtcDateTime
from chassis.migrations import create_chassis_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_chassis_tables()
    op.create_table(
        "days",
        Column("date", Date, primary_key=True),
        Column("fees", Cents, nullable=False),
        Column("rewards", Cents, nullable=False),
        Column("top_task_id", Id),
        Column("top_reward", Cents),
    )
    op.create_table(
        "user_days",
        Column("user_id", Id, primary_key=True),
        Column("date", Date, primary_key=True),
        Column("sum", Cents, nullable=False),
    )
    op.create_index("ix_user_days_date", "user_days", ["date"])
    op.create_table(
        "counted",
        Column("kind", Code, primary_key=True),
        Column("source_id", Id, primary_key=True),
    )
    gate = op.create_table(
        "gate",
        Column("name", Code, primary_key=True),
        Column("rebuilt_at", UtcDateTime),
    )
    op.bulk_insert(gate, [{"name": "analytics", "rebuilt_at": None}])

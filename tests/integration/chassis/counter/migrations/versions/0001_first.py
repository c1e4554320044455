"""The first tables."""

from alembic import op
from sqlalchemy import Column, Integer

from chassis.columns import Id
from chassis.migrations import create_chassis_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_chassis_tables()
    op.create_table(
        "counts",
        Column("name", Id, primary_key=True),
        Column("number", Integer, nullable=False),
    )

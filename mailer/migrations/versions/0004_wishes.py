"""Popugs choose which mails they want."""

from alembic import op
from sqlalchemy import Boolean, Column

from chassis.columns import Id, UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "wishes",
        Column("user_id", Id, primary_key=True),
        Column("on_its_way", Boolean, nullable=False),
        Column("paid", Boolean, nullable=False),
        Column("cancelled", Boolean, nullable=False),
        Column("changed_at", UtcDateTime, nullable=False),
    )

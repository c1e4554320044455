"""Tries of passwords are counted before they are looked at, under a lock of their own."""

from alembic import op
from sqlalchemy import Boolean, Column

from chassis.columns import Id, UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "login_tries",
        Column("id", Id, primary_key=True),
        Column("pair", Id, nullable=False),
        Column("address", Id, nullable=False),
        Column("tried_at", UtcDateTime, nullable=False),
        Column("failed", Boolean, nullable=False),
    )
    op.create_index("ix_tries_pair", "login_tries", ["pair", "tried_at"])
    op.create_index("ix_tries_address", "login_tries", ["address", "tried_at"])
    op.create_index("ix_tries_moment", "login_tries", ["tried_at"])
    op.create_table(
        "login_turns",
        Column("whose", Id, primary_key=True),
        Column("tried_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_turns_moment", "login_turns", ["tried_at"])
    # What was counted there would have been forgotten a quarter of an hour later.
    op.drop_table("login_attempts")

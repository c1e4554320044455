"""Users, sessions and failed sign-ins in their first form."""

from alembic import op
from sqlalchemy import Boolean, Column, ForeignKey, Integer

from chassis.columns import Code, Id, Position, UtcDateTime, short_text
from chassis.migrations import create_chassis_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_chassis_tables()
    op.create_table(
        "users",
        Column("id", Id, primary_key=True),
        Column("email", Code, nullable=False, unique=True),
        Column("name", short_text(100), nullable=False),
        Column("folded_name", short_text(300), nullable=False),
        Column("role", Code, nullable=False),
        Column("language", Code, nullable=False),
        Column("active", Boolean, nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("password_hash", Code, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_users_name", "users", ["folded_name", "id"])
    op.create_table(
        "sessions",
        Column("id", Id, primary_key=True),
        Column("user_id", Id, ForeignKey("users.id"), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("expires_at", UtcDateTime, nullable=False),
        Column("user_agent", short_text(200), nullable=False),
        Column("address", short_text(64), nullable=False),
        Column("ended_at", UtcDateTime),
    )
    op.create_index("ix_sessions_user", "sessions", ["user_id", "expires_at"])
    op.create_index("ix_sessions_expiry", "sessions", ["expires_at"])
    op.create_table(
        "login_attempts",
        Column("id", Position, primary_key=True, autoincrement=True),
        Column("pair", Id, nullable=False),
        Column("address", Id, nullable=False),
        Column("failed_at", UtcDateTime, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_pair", "login_attempts", ["pair", "failed_at"])
    op.create_index("ix_attempts_address", "login_attempts", ["address", "failed_at"])
    op.create_index("ix_attempts_moment", "login_attempts", ["failed_at"])

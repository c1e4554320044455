"""What persons have had the gateways asked."""

from alembic import op
from sqlalchemy import Column

from chassis.columns import Code, Id, Position, UtcDateTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "payout_askings",
        Column("id", Position, primary_key=True, autoincrement=True),
        Column("payout_id", Id, nullable=False),
        Column("gateway", Code, nullable=False),
        Column("by", Id, nullable=False),
        Column("at", UtcDateTime, nullable=False),
        Column("look_at", UtcDateTime),
        Column("answer", Code),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_payout_askings_payout", "payout_askings", ["payout_id", "id"])
    op.create_index("ix_payout_askings_look", "payout_askings", ["look_at"])

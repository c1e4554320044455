"""What gateways tell by themselves."""

from alembic import op
from sqlalchemy import Column

from chassis.columns import Code, Id, UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "gateway_notices",
        Column("digest", Id, primary_key=True),
        Column("gateway", Code, nullable=False),
        Column("key", Id, nullable=False),
        Column("reference", Code, nullable=False),
        Column("status", Code, nullable=False),
        Column("received_at", UtcDateTime, nullable=False),
        Column("look_at", UtcDateTime),
    )
    op.create_index("ix_gateway_notices_look", "gateway_notices", ["look_at"])

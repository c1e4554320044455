"""Keys of retries and how long they last; what a gateway says that does not fit."""

from alembic import op
from sqlalchemy import Boolean, Column, Integer

from chassis.columns import Cents, Code, Id, Position, UtcDateTime, short_text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("payouts", Column("retries", Integer, nullable=False, server_default="0"))
    op.add_column("payouts", Column("key_used_at", UtcDateTime))
    op.add_column("payouts", Column("in_doubt", Boolean, nullable=False, server_default="0"))
    # Sent before this was noted: their keys are as old as the payouts may be, and a call of
    # theirs may be without an answer.
    op.execute(
        "UPDATE payouts SET key_used_at = created_at, in_doubt = 1 "
        "WHERE status IN ('sending', 'unknown')"
    )
    op.create_table(
        "payout_claims",
        Column("id", Position, primary_key=True, autoincrement=True),
        Column("payout_id", Id, nullable=False),
        Column("key", Id, nullable=False),
        Column("kind", Code, nullable=False),
        Column("reference", Code, nullable=False),
        Column("amount", Cents),
        Column("at", UtcDateTime, nullable=False),
        Column("decided_at", UtcDateTime),
        Column("decided_by", Id),
        Column("decision", short_text(500)),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_payout_claims", "payout_claims", ["payout_id", "key", "kind", "reference"], unique=True
    )
    op.create_index("ix_payout_claims_open", "payout_claims", ["decided_at"])

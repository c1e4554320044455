"""The first tables."""

from alembic import op
from sqlalchemy import Column, Date, Integer, UniqueConstraint

from chassis.columns import Bytes, Cents, Code, Id, Position, UtcDateTime, short_text
from chassis.migrations import create_chassis_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_chassis_tables()
    op.create_table(
        "cards",
        Column("user_id", Id, primary_key=True),
        Column("ciphertext", Bytes, nullable=False),
        Column("nonce", Bytes, nullable=False),
        Column("key_id", Code, nullable=False),
        Column("last4", Code, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
    )
    _create_payouts()
    op.create_table(
        "sandbox_transfers",
        Column("idempotency_key", Id, primary_key=True),
        Column("reference", Code, nullable=False, unique=True),
        Column("amount", Cents, nullable=False),
        Column("currency", Code, nullable=False),
        Column("card_last4", Code, nullable=False),
        Column("status", Code, nullable=False),
        Column("at", UtcDateTime, nullable=False),
    )


def _create_payouts() -> None:
    op.create_table(
        "payouts",
        Column("id", Id, primary_key=True),
        Column("user_id", Id, nullable=False),
        Column("date", Date, nullable=False),
        Column("amount", Cents, nullable=False),
        Column("currency", Code, nullable=False),
        Column("status", Code, nullable=False),
        Column("gateway", Code, nullable=False),
        Column("idempotency_key", Id, nullable=False, unique=True),
        Column("gateway_ref", Code),
        Column("attempts", Integer, nullable=False),
        Column("reason", short_text(500)),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
        Column("next_attempt_at", UtcDateTime),
        UniqueConstraint("user_id", "date", name="uq_payouts_user_day"),
    )
    op.create_index("ix_payouts_date", "payouts", ["date", "id"])
    op.create_index("ix_payouts_to_do", "payouts", ["status", "next_attempt_at"])
    op.create_table(
        "payout_transitions",
        Column("id", Position, primary_key=True, autoincrement=True),
        Column("payout_id", Id, nullable=False),
        Column("from_status", Code),
        Column("to_status", Code, nullable=False),
        Column("at", UtcDateTime, nullable=False),
        Column("by", Id, nullable=False),
        Column("why", short_text(500), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_payout_transitions_payout", "payout_transitions", ["payout_id", "id"])

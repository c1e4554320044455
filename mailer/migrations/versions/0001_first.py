"""The mailer's tables."""

from alembic import op
from sqlalchemy import Column, Date, Integer, UniqueConstraint

from chassis.columns import Cents, Code, Id, LongText, UtcDateTime, short_text
from chassis.migrations import create_chassis_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_chassis_tables()
    op.create_table(
        "mails",
        Column("id", Id, primary_key=True),
        Column("payout_id", Id, nullable=False),
        Column("kind", Code, nullable=False),
        Column("user_id", Id, nullable=False),
        Column("date", Date, nullable=False),
        Column("amount", Cents, nullable=False),
        Column("currency", Code, nullable=False),
        Column("reason", short_text(500)),
        Column("status", Code, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("last_error", short_text(500)),
        Column("message_id", short_text(320), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("next_attempt_at", UtcDateTime, nullable=False),
        Column("sent_at", UtcDateTime),
        Column("claimed_until", UtcDateTime),
        Column("email", short_text(254)),
        Column("language", Code),
        Column("subject", short_text(200)),
        Column("text", LongText),
        Column("html", LongText),
        UniqueConstraint("payout_id", "kind", name="uq_mails_payout_kind"),
    )
    op.create_index("ix_mails_due", "mails", ["status", "next_attempt_at"])
    op.create_index("ix_mails_user", "mails", ["user_id", "id"])
    op.create_table(
        "payout_outcomes",
        Column("payout_id", Id, primary_key=True),
        Column("outcome", Code, primary_key=True),
        Column("at", UtcDateTime, nullable=False),
    )

"""Cards have a fingerprint, and which keys may seal is known to the database."""

from alembic import op
from sqlalchemy import Column

from chassis.columns import Code, UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("cards", Column("hash_key_id", Code))
    op.add_column("cards", Column("fingerprint", Code))
    op.create_index("ix_cards_fingerprint", "cards", ["fingerprint"])
    op.create_table(
        "card_keys",
        Column("key_id", Code, primary_key=True),
        Column("retired_at", UtcDateTime),
    )

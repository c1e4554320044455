"""Mails are found by the business day that they speak of."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_index("ix_mails_date", "mails", ["date", "id"])

"""A payout may fail more than once: the mails about that are numbered."""

from alembic import op
from sqlalchemy import Column, Integer

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # SQLite cannot change what is unique: the table is made anew there.
    with op.batch_alter_table("mails") as mails:
        mails.add_column(Column("number", Integer, nullable=False, server_default="1"))
        mails.drop_constraint("uq_mails_payout_kind", type_="unique")
        mails.create_unique_constraint(
            "uq_mails_payout_kind_number", ["payout_id", "kind", "number"]
        )

"""The tasks of a very large shuffle are counted in pieces; NULL: all are."""

from alembic import op
from sqlalchemy import Column

from chassis.columns import Position

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("shuffles", Column("uncounted_after", Position))

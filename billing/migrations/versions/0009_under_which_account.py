"""Under which account of its gateway a payout was sent."""

from alembic import op
from sqlalchemy import Column

from chassis.columns import Code

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    # Of what is in flight it is not known; it goes on under the account that is set.
    op.add_column("payouts", Column("gateway_account", Code))

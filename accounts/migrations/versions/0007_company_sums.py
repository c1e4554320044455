"""What each business day brought the company is kept beside the entries.

The entries that are there are added up once, from an index that holds all it takes.
"""

from alembic import op
from sqlalchemy import Column, Date, Integer

from chassis.columns import Cents

revision = "0007"
down_revision = "0006"

FILL = """
INSERT INTO company_sums (date, slot, fees, rewards, payouts, corrected)
SELECT day, 0,
    SUM(CASE WHEN kind = 'fee' THEN sum ELSE 0 END),
    SUM(CASE WHEN kind = 'reward' THEN -sum ELSE 0 END),
    SUM(CASE WHEN kind = 'payout' THEN sum ELSE 0 END),
    SUM(CASE WHEN kind = 'reversal' AND reversed_kind IN ('fee', 'reward') THEN sum ELSE 0 END)
FROM entries WHERE side = 'company' GROUP BY day
"""


def upgrade() -> None:
    op.create_table(
        "company_sums",
        Column("date", Date, primary_key=True),
        Column("slot", Integer, primary_key=True, autoincrement=False),
        Column("fees", Cents, nullable=False),
        Column("rewards", Cents, nullable=False),
        Column("payouts", Cents, nullable=False),
        Column("corrected", Cents, nullable=False),
    )
    op.execute(FILL)

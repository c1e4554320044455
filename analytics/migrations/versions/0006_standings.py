"""Who is in the negative since when is kept, and no more worked out for each page."""

from alembic import op
from sqlalchemy import Column, Date, Integer

from chassis.columns import Cents, Id

revision = "0006"
down_revision = "0005"

STANDINGS = """
INSERT INTO standings (user_id, balance, last_date)
SELECT user_id, SUM(sum), MAX(date) FROM user_days GROUP BY user_id
"""
CHANGES = """
INSERT INTO loser_changes (date, losers)
SELECT date, SUM(
    CASE WHEN balance < 0 THEN 1 ELSE 0 END - CASE WHEN balance - sum < 0 THEN 1 ELSE 0 END
)
FROM (
    SELECT date, sum, SUM(sum) OVER (PARTITION BY user_id ORDER BY date) AS balance
    FROM user_days
) AS running
GROUP BY date
"""


def upgrade() -> None:
    op.create_table(
        "standings",
        Column("user_id", Id, primary_key=True),
        Column("balance", Cents, nullable=False),
        Column("last_date", Date),
    )
    op.create_table(
        "loser_changes",
        Column("date", Date, primary_key=True),
        Column("losers", Integer, nullable=False),
    )
    op.execute(STANDINGS)
    op.execute(CHANGES)

"""What came late stays noted: its table is append-only."""

from chassis.append_only import refuse_changes

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    refuse_changes("late_entries", "transaction_id")

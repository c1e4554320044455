"""The ledger, its accounts and business days, and the guards of the append-only table."""

from alembic import op
from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    Integer,
    UniqueConstraint,
    column,
    table,
)

from chassis.columns import Cents, Code, Id, Position, UtcDateTime, short_text
from chassis.migrations import create_chassis_tables

revision = "0001"
down_revision = None

APPEND_ONLY = "the ledger is append-only"
# REPLACE deletes without asking the delete trigger, unless the connection says
# PRAGMA recursive_triggers=ON; a stranger's does not.
NO_REPLACE_ON_SQLITE = """
CREATE TRIGGER entries_no_replace BEFORE INSERT ON entries FOR EACH ROW
WHEN EXISTS (
    SELECT 1 FROM entries
    WHERE position = NEW.position
    OR (kind = NEW.kind AND source_id = NEW.source_id AND side = NEW.side)
    OR (transaction_id = NEW.transaction_id AND side = NEW.side)
)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
"""


def upgrade() -> None:
    create_chassis_tables()
    _create_entries()
    _guard_entries()
    op.create_table(
        "late_entries",
        Column("transaction_id", Id, primary_key=True),
        Column("own_day", Date, nullable=False),
    )
    op.create_table(
        "accounts",
        Column("user_id", Id, primary_key=True),
        Column("balance", Cents, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_accounts_balance", "accounts", ["balance", "user_id"])
    op.create_table(
        "business_days",
        Column("date", Date, primary_key=True),
        Column("status", Code, nullable=False),
        Column("last_user_id", Id, nullable=False),
        Column("payouts", Integer, nullable=False),
        Column("amount", Cents, nullable=False),
        Column("last_position", Position, nullable=False),
        Column("started_at", UtcDateTime, nullable=False),
        Column("closed_at", UtcDateTime),
        Column("closed_by", Id, nullable=False),
    )
    op.create_table(
        "ledger_state",
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("closing_through", Date),
    )
    op.bulk_insert(table("ledger_state", column("id")), [{"id": 1}])


def _create_entries() -> None:
    op.create_table(
        "entries",
        Column("position", Position, primary_key=True, autoincrement=True),
        Column("transaction_id", Id, nullable=False),
        Column("side", Code, nullable=False),
        Column("kind", Code, nullable=False),
        Column("source_id", Code, nullable=False),
        Column("user_id", Id, nullable=False),
        Column("task_id", Id),
        Column("occurred_at", UtcDateTime, nullable=False),
        Column("day", Date, nullable=False),
        Column("sum", Cents, nullable=False),
        Column("balance", Cents),
        Column("reversed_kind", Code),
        Column("reverses", Id),
        Column("note", short_text(500), nullable=False),
        Column("made_by", Id),
        Column("posted_at", UtcDateTime, nullable=False),
        UniqueConstraint("kind", "source_id", "side", name="uq_entries_source"),
        UniqueConstraint("transaction_id", "side", name="uq_entries_transaction"),
        CheckConstraint("side IN ('popug', 'company')", name="ck_entries_side"),
        CheckConstraint("(side = 'popug') = (balance IS NOT NULL)", name="ck_entries_balance"),
        CheckConstraint(
            "kind <> 'payout' OR (side = 'popug' AND sum < 0) OR (side = 'company' AND sum > 0)",
            name="ck_entries_payout_is_positive",
        ),
    )
    op.create_index("ix_entries_account", "entries", ["user_id", "side"])
    op.create_index("ix_entries_statement", "entries", ["user_id", "side", "day"])
    op.create_index(
        "ix_entries_day", "entries", ["side", "day", "kind", "reversed_kind", "user_id", "sum"]
    )


def _guard_entries() -> None:
    """Let the database itself refuse UPDATE and DELETE of entries (rule 9)."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for verb in ("update", "delete"):
        action = (
            f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
            if on_sqlite
            else f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{APPEND_ONLY}'"
        )
        op.execute(
            f"CREATE TRIGGER entries_no_{verb} BEFORE {verb.upper()} ON entries "
            f"FOR EACH ROW {action}"
        )
    if on_sqlite:
        op.execute(NO_REPLACE_ON_SQLITE)

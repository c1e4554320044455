"""The ledger's tables."""

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    UniqueConstraint,
    select,
)

from accounts.domain import POPUG, Entry
from chassis.columns import Cents as CentsType
from chassis.columns import Code, Id, Position, UtcDateTime, short_text
from chassis.rights import APPEND_ONLY

metadata = MetaData()
NOTE_LENGTH = 500

# Triggers of the migrations refuse UPDATE and DELETE of what is APPEND_ONLY.
entries = Table(
    "entries",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("transaction_id", Id, nullable=False),
    Column("side", Code, nullable=False),
    Column("kind", Code, nullable=False),
    # What it is for: assignment, task, "<user>:<day>" of a payout, transaction undone.
    Column("source_id", Code, nullable=False),
    # Whose account it concerns, on both sides.
    Column("user_id", Id, nullable=False),
    Column("task_id", Id),
    # Its own time; `day` is the business day that it is booked on.
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("day", Date, nullable=False),
    Column("sum", CentsType, nullable=False),
    # The popug's balance after this entry; the company's side has none.
    Column("balance", CentsType),
    Column("reversed_kind", Code),
    Column("reverses", Id),
    Column("note", short_text(NOTE_LENGTH), nullable=False),
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
    # The primary key follows in both engines, so each serves its order by position.
    Index("ix_entries_account", "user_id", "side"),
    Index("ix_entries_statement", "user_id", "side", "day"),
    # Covers the company's days, and the sums of later days while a day is closed.
    Index("ix_entries_day", "side", "day", "kind", "reversed_kind", "user_id", "sum"),
    info=APPEND_ONLY,
)

# Entries that are booked on another business day than that of their own time.
late_entries = Table(
    "late_entries",
    metadata,
    Column("transaction_id", Id, primary_key=True),
    Column("own_day", Date, nullable=False),
    info=APPEND_ONLY,
)

accounts = Table(
    "accounts",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("balance", CentsType, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_accounts_balance", "balance", "user_id"),
)

# What the entries of each day sum to for the company, in several rows (`company_sums`).
company_sums = Table(
    "company_sums",
    metadata,
    Column("date", Date, primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("fees", CentsType, nullable=False),
    Column("rewards", CentsType, nullable=False),
    Column("payouts", CentsType, nullable=False),
    Column("corrected", CentsType, nullable=False),
)

# A day without a row is closed if the watermark has passed it, else open.
business_days = Table(
    "business_days",
    metadata,
    Column("date", Date, primary_key=True),
    Column("status", Code, nullable=False),
    # Accounts up to this one are settled.
    Column("last_user_id", Id, nullable=False),
    Column("payouts", Integer, nullable=False),
    Column("amount", CentsType, nullable=False),
    # The ledger's last entry when closing began: later ones must not be of this day.
    Column("last_position", Position, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("closed_by", Id, nullable=False),
)

# One row: the watermark. No entry but payouts is booked on a day up to it any more.
ledger_state = Table(
    "ledger_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("closing_through", Date),
)


def entry_query(*more: Any) -> Select[Any]:
    """A select of the popug's sides, of which `entry_of` makes entries."""
    return select(*[entries.c[name] for name in Entry.__slots__], *more).where(
        entries.c.side == POPUG
    )


def entry_of(row: Any) -> Entry:
    """An entry from a row of `entry_query`."""
    return Entry(*row[: len(Entry.__slots__)])

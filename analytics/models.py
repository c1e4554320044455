"""Analytics' tables and what is asked of them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    Column,
    CompoundSelect,
    Date,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    Table,
    func,
    null,
    select,
    type_coerce,
    union_all,
)

from analytics.domain import Day, Range, Worked, every_day, stretches
from chassis.columns import Cents, Code, Id, UtcDateTime
from chassis.database import Reading, Transaction
from chassis.prepared import prepared

metadata = MetaData()

days = Table(
    "days",
    metadata,
    Column("date", Date, primary_key=True),
    Column("fees", Cents, nullable=False),
    Column("rewards", Cents, nullable=False),
    Column("top_task_id", Id),
    Column("top_reward", Cents),
)

# What a popug's entries of one day sum to, payouts and corrections included.
user_days = Table(
    "user_days",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("date", Date, primary_key=True),
    Column("sum", Cents, nullable=False),
    Index("ix_user_days_date", "date"),
)

# All days of a popug in one sum, and the last of them; who changes his days holds this row.
standings = Table(
    "standings",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("balance", Cents, nullable=False),
    Column("last_date", Date),
)

# By how many the popugs in the negative became more, or fewer, on a day.
loser_changes = Table(
    "loser_changes",
    metadata,
    Column("date", Date, primary_key=True),
    Column("losers", Integer, nullable=False),
)

# What was counted already: the same fact under another event id changes nothing.
counted = Table(
    "counted",
    metadata,
    Column("kind", Code, primary_key=True),
    Column("source_id", Id, primary_key=True),
)

# One row, which keeps counting and rebuilding from happening at the same time.
gate = Table(
    "gate",
    metadata,
    Column("name", Code, primary_key=True),
    Column("rebuilt_at", UtcDateTime),
)


def counted_already(reading: Reading, kind: str, ids: Sequence[str]) -> set[str]:
    """Those of the ids that were counted as this kind."""
    return set(reading.execute(_counted(kind, ids)).scalars())


@prepared
def _counted(kind: str, ids: Sequence[str]) -> Select[Any]:
    return select(counted.c.source_id).where(counted.c.kind == kind, counted.c.source_id.in_(ids))


def hold_off_rebuild(tx: Transaction) -> None:
    """Have a rebuild wait until this transaction is over, and the other way round."""
    tx.execute(_gate()).all()


@prepared
def _gate() -> Select[Any]:
    return select(gate.c.name).with_for_update(read=True)


def figures(reading: Reading, asked: Range) -> list[Day]:
    """A row for each calendar day of the range, oldest first."""
    return every_day(asked, worked(reading, asked), changes_in(reading, asked))


def worked_day(row: Row[Any]) -> Worked:
    """A row of `days` as the domain's value."""
    return Worked(row.date, row.fees, row.rewards, row.top_task_id, row.top_reward)


def worked(reading: Reading, *ranges: Range) -> dict[date, Worked]:
    """The days of these ranges on which there was work, with a look for each stretch of them."""
    return {
        row.date: worked_day(row)
        for each in stretches(ranges)
        for row in reading.execute(_worked(each.first, each.last))
    }


@prepared
def _worked(first: date, last: date) -> Select[Any]:
    return select(days).where(days.c.date >= first, days.c.date <= last)


def changes_in(reading: Reading, asked: Range) -> dict[date, int]:
    """By how many the popugs in the negative became more or fewer, for each day.

    What happened before the range is counted on its first day.
    """
    changes: dict[date, int] = defaultdict(int)
    for day, losers in reading.execute(_changes(asked.first, asked.last)):
        changes[day or asked.first] += int(losers)
    return changes


@prepared
def _changes(first: date, last: date) -> CompoundSelect[Any]:
    """Days and changes; without a day, all that was before the first."""
    day, losers = loser_changes.c.date, loser_changes.c.losers
    before = select(type_coerce(null(), Date), func.coalesce(func.sum(losers), 0))
    return union_all(
        before.where(day < first), select(day, losers).where(day >= first, day <= last)
    )

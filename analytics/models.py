"""Analytics' tables and what is asked of them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    Index,
    MetaData,
    Row,
    Table,
    case,
    func,
    select,
)

from analytics.domain import Day, Range, Worked, every_day
from chassis.columns import Cents, Code, Id, UtcDateTime
from chassis.database import Reading, Transaction

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
    rows = reading.execute(
        select(counted.c.source_id).where(counted.c.kind == kind, counted.c.source_id.in_(ids))
    )
    return set(rows.scalars())


def hold_off_rebuild(tx: Transaction) -> None:
    """Have a rebuild wait until this transaction is over, and the other way round."""
    tx.execute(select(gate.c.name).with_for_update(read=True)).all()


def figures(reading: Reading, asked: Range) -> list[Day]:
    """A row for each calendar day of the range, oldest first."""
    return every_day(asked, _worked(reading, asked), _loser_changes(reading, asked))


def worked_day(row: Row[Any]) -> Worked:
    """A row of `days` as the domain's value."""
    return Worked(row.date, row.fees, row.rewards, row.top_task_id, row.top_reward)


def _worked(reading: Reading, asked: Range) -> dict[date, Worked]:
    rows = reading.execute(select(days).where(days.c.date.between(asked.first, asked.last)))
    return {row.date: worked_day(row) for row in rows}


def _loser_changes(reading: Reading, asked: Range) -> dict[date, int]:
    """By how many the popugs in the negative became more or fewer, for each day.

    A popug's balance at the end of a day is the running sum of his days. He changes
    sides on a day when the sums with and without that day differ in that respect; what
    happened before the range is counted on its first day.
    """
    balance = func.sum(user_days.c.sum).over(
        partition_by=user_days.c.user_id, order_by=user_days.c.date
    )
    running = (
        select(user_days.c.date, user_days.c.sum, balance.label("balance"))
        .where(user_days.c.date <= asked.last)
        .subquery()
    )
    after = case((running.c.balance < 0, 1), else_=0)
    before = case((running.c.balance - running.c.sum < 0, 1), else_=0)
    rows = reading.execute(
        select(running.c.date, func.sum(after - before).label("change")).group_by(running.c.date)
    )
    changes: dict[date, int] = defaultdict(int)
    for row in rows:
        changes[max(row.date, asked.first)] += int(row.change)
    return changes


def priciest(reading: Reading, asked: Range) -> tuple[str | None, int | None]:
    """The priciest task that was closed in the range, and its reward; of equals the first id."""
    row = reading.execute(
        select(days.c.top_task_id, days.c.top_reward)
        .where(days.c.date.between(asked.first, asked.last), days.c.top_task_id.is_not(None))
        .order_by(days.c.top_reward.desc(), days.c.top_task_id)
        .limit(1)
    ).one_or_none()
    return (row.top_task_id, row.top_reward) if row else (None, None)

"""Entries that came too late for their own business day, and are booked on another (rule 10)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, select

from accounts.domain import POPUG, Cents
from accounts.models import entries, late_entries
from chassis.database import Reading


@dataclass(frozen=True)
class LateEntry:
    """An entry that is booked on another business day than that of its own time."""

    transaction_id: str
    kind: str
    user_id: str
    task_id: str | None
    sum: Cents
    own_day: date
    day: date


def newest_late_entries(reading: Reading, most: int) -> list[LateEntry]:
    """The newest entries that are not booked on their own day."""
    return [
        LateEntry(*row)
        for row in reading.execute(
            late_entry_query().order_by(late_entries.c.transaction_id.desc()).limit(most)
        )
    ]


def late_entries_of(reading: Reading, own_day: date, most: int) -> list[LateEntry]:
    """Entries of this day that came too late for it and are booked on another one."""
    query = late_entry_query().where(late_entries.c.own_day == own_day)
    rows = reading.execute(query.order_by(late_entries.c.transaction_id).limit(most))
    return [LateEntry(*row) for row in rows]


def late_entry_query() -> Select[Any]:
    """A select of which each row makes a LateEntry."""
    return (
        select(
            entries.c.transaction_id,
            entries.c.kind,
            entries.c.user_id,
            entries.c.task_id,
            entries.c.sum,
            late_entries.c.own_day,
            entries.c.day,
        )
        .select_from(late_entries)
        .join(
            entries,
            (entries.c.transaction_id == late_entries.c.transaction_id) & (entries.c.side == POPUG),
        )
    )

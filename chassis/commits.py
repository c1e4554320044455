"""Marks of commits: a row per change, by which an unknown outcome is settled later."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Column, Index, Table, select

from chassis.columns import Id, UtcDateTime
from chassis.outbox import metadata

if TYPE_CHECKING:
    from chassis.database import Transaction

commits = Table(
    "commits",
    metadata,
    Column("id", Id, primary_key=True),
    Column("committed_at", UtcDateTime, nullable=False),
    Index("ix_commits_committed_at", "committed_at"),
)


def leave_mark(tx: "Transaction", mark: str) -> None:
    """Leave the mark of a change. Raises IntegrityError if it is there already."""
    tx.insert(commits, [{"id": mark, "committed_at": tx.now}])


def forget(tx: "Transaction", before: datetime, most: int) -> int:
    """Delete marks made before `before`, at most `most`; says how many."""
    found = tx.execute(
        select(commits.c.id)
        .where(commits.c.committed_at < before)
        .order_by(commits.c.committed_at)
        .limit(most)
    )
    old = list(found.scalars())
    if old:
        tx.execute(commits.delete().where(commits.c.id.in_(old)))
    return len(old)

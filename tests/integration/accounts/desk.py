"""What the tests of the ledger say and look at."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select

from accounts import checks
from accounts.models import accounts, business_days, entries
from chassis.database import Database
from contracts.billing import PayoutCancelled
from contracts.tasks import TaskAssigned, TaskClosed
from tests.support import NOON

API = "/accounts/api/v1"
PAGES = "/accounts"
TODAY = date(2026, 3, 10)


def at(day: int, hour: int = 12, minute: int = 0, month: int = 3) -> datetime:
    """A moment in March 2026, UTC."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def assigned(
    assignment_id: str, user_id: str, fee: int, when: datetime = NOON, task_id: str | None = None
) -> TaskAssigned:
    return TaskAssigned(
        assignment_id=assignment_id,
        task_id=task_id or f"task-of-{assignment_id}",
        assignee_id=user_id,
        fee=fee,
        reward=3000,
        reason="created",
        assigned_at=when,
    )


def closed(task_id: str, user_id: str, reward: int, when: datetime = NOON) -> TaskClosed:
    return TaskClosed(task_id=task_id, assignee_id=user_id, fee=1500, reward=reward, closed_at=when)


def cancelled(
    payout_id: str, user_id: str, amount: int, reason: str | None = None, day: date = TODAY
) -> PayoutCancelled:
    return PayoutCancelled(
        payout_id=payout_id, user_id=user_id, date=day, amount=amount, reason=reason
    )


def balances(database: Database) -> dict[str, int]:
    with database.reading() as reading:
        rows = reading.execute(select(accounts.c.user_id, accounts.c.balance))
        return {row.user_id: row.balance for row in rows}


def booked(database: Database, *columns: str, **where: Any) -> list[Any]:
    """These columns of the popug's sides, in the order of the ledger."""
    query = select(*[entries.c[name] for name in columns]).where(entries.c.side == "popug")
    for name, value in where.items():
        query = query.where(entries.c[name] == value)
    with database.reading() as reading:
        rows = reading.execute(query.order_by(entries.c.position)).all()
    return [tuple(row) if len(columns) > 1 else row[0] for row in rows]


def payouts(database: Database) -> set[tuple[str, date, int]]:
    """User, day and amount of each payout; fails if one is there twice."""
    rows = booked(database, "user_id", "day", "sum", kind="payout")
    assert len(rows) == len(set(rows))
    return {(user_id, day, -amount) for user_id, day, amount in rows}


def recorded(database: Database) -> Mapping[date, tuple[str, int, int]]:
    """Status, payouts and amount by day."""
    with database.reading() as reading:
        rows = reading.execute(
            select(
                business_days.c.date,
                business_days.c.status,
                business_days.c.payouts,
                business_days.c.amount,
            )
        )
        return {row[0]: (row[1], row[2], row[3]) for row in rows}


def assert_sound(database: Database) -> None:
    """Every invariant of the ledger holds."""
    broken = [check for check in database.read(checks.run) if not check.ok]
    assert not broken, broken

"""Events as analytics hears them, in short."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

import analytics
from contracts.accounts import PayoutRequested, TransactionReversed
from contracts.tasks import TaskAssigned, TaskClosed
from tests.support import Workbench

# The standing clock of a workbench says Tuesday, 2026-03-10, noon UTC.


def moment(day: int, hour: int = 12, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def assigned(id: str, user: str, fee: int, at: datetime) -> TaskAssigned:
    return TaskAssigned(
        assignment_id=f"a-{id}",
        task_id=f"k-{id}",
        assignee_id=user,
        fee=fee,
        reward=2000,
        reason="created",
        assigned_at=at,
    )


def closed(id: str, user: str, reward: int, at: datetime) -> TaskClosed:
    return TaskClosed(task_id=f"k-{id}", assignee_id=user, fee=1000, reward=reward, closed_at=at)


def paid(id: str, user: str, amount: int, day: date) -> PayoutRequested:
    return PayoutRequested(
        payout_id=f"p-{id}", user_id=user, date=day, amount=amount, currency="USD"
    )


def corrected(id: str, user: str, cents: int, day: date) -> TransactionReversed:
    return TransactionReversed(
        transaction_id=f"t-{id}",
        reverses="t-0",
        user_id=user,
        sum=cents,
        date=day,
        reason="a mistake",
    )


@pytest.fixture
def at_work(workbench: Callable[..., Workbench]) -> Callable[..., Workbench]:
    """Makes an analytics that has heard nothing."""

    def make(**settings: Any) -> Workbench:
        return workbench(analytics.service, **settings)

    return make


def days_of(
    bench: Workbench, query: str = ""
) -> dict[str, tuple[int, int, str | None, int | None]]:
    """(profit, losers, top task, its reward) by day, as a manager gets them."""
    answer = bench.client("manager").get(f"/analytics/api/v1/days?{query}")
    assert answer.status_code == 200, answer.text
    return {
        row["date"]: (row["profit"], row["losers"], row["task_top_id"], row["task_top_reward"])
        for row in answer.get_json()["items"]
    }

"""Counting what happened, each fact once and in any order; each function within one transaction.

Figures only ever add up or keep the greatest, so that the order of events cannot matter.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, func, or_

from analytics import models, standings
from analytics.models import counted, days, user_days
from chassis.database import Transaction

FEE, REWARD, PAYOUT, REVERSAL = "fee", "reward", "payout", "reversal"


@dataclass(frozen=True)
class Entry:
    """What changed a popug's sum: `source_id` is unique within the kind, `sum` in cents."""

    source_id: str
    user_id: str
    date: date
    sum: int


def count_fees(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Fees of assignments: each `sum` is negative, the company earns it."""
    fresh = _not_counted(tx, FEE, entries)
    _add_days(tx, [{"date": d, "fees": -s, "rewards": 0} for d, s in _by_day(fresh).items()])
    _add_user_days(tx, fresh)


def count_rewards(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Rewards of closed tasks; the greatest of a day makes its top task."""
    fresh = _not_counted(tx, REWARD, entries)
    top: dict[date, Entry] = {}
    for entry in fresh:
        best = top.get(entry.date)
        if best is None or (-entry.sum, entry.source_id) < (-best.sum, best.source_id):
            top[entry.date] = entry
    _add_days(
        tx,
        [
            {
                "date": day,
                "fees": 0,
                "rewards": rewards,
                "top_task_id": top[day].source_id,
                "top_reward": top[day].sum,
            }
            for day, rewards in _by_day(fresh).items()
        ],
    )
    _add_user_days(tx, fresh)


def count_moves(tx: Transaction, kind: str, entries: Sequence[Entry]) -> None:
    """Payouts and corrections: they change what a popug is owed, not what was earned."""
    _add_user_days(tx, _not_counted(tx, kind, entries))


def _not_counted(tx: Transaction, kind: str, entries: Sequence[Entry]) -> list[Entry]:
    """Those of the entries that were never counted, marked as counted from now on."""
    models.hold_off_rebuild(tx)
    by_id = {entry.source_id: entry for entry in entries}
    seen = models.counted_already(tx, kind, list(by_id))
    fresh = [entry for entry in by_id.values() if entry.source_id not in seen]
    tx.insert(counted, [{"kind": kind, "source_id": entry.source_id} for entry in fresh])
    return fresh


def _by_day(entries: Sequence[Entry]) -> dict[date, int]:
    sums: dict[date, int] = defaultdict(int)
    for entry in entries:
        sums[entry.date] += entry.sum
    return dict(sorted(sums.items()))


def _add_days(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    nothing_closed = {"top_task_id": None, "top_reward": None}
    tx.upsert(days, [nothing_closed | row for row in rows], _add_and_keep_the_top)


def _add_and_keep_the_top(old: Table, new: Any) -> dict[str, ColumnElement[Any]]:
    better = or_(
        new.top_reward > func.coalesce(old.c.top_reward, -1),
        and_(new.top_reward == old.c.top_reward, new.top_task_id < old.c.top_task_id),
    )
    # The reward comes last: MySQL assigns from left to right, and the task needs the old one.
    return {
        "fees": old.c.fees + new.fees,
        "rewards": old.c.rewards + new.rewards,
        "top_task_id": case((better, new.top_task_id), else_=old.c.top_task_id),
        "top_reward": case(
            (new.top_reward > func.coalesce(old.c.top_reward, -1), new.top_reward),
            else_=old.c.top_reward,
        ),
    }


def _add_user_days(tx: Transaction, entries: Sequence[Entry]) -> None:
    sums: dict[tuple[str, date], int] = defaultdict(int)
    for entry in entries:
        sums[entry.user_id, entry.date] += entry.sum
    standings.count(tx, sums)
    tx.upsert(
        user_days,
        # In one order everywhere, so that two transactions do not wait for each other.
        [{"user_id": u, "date": d, "sum": s} for (u, d), s in sorted(sums.items())],
        lambda old, new: {"sum": old.c.sum + new.sum},
    )

"""How many popugs became more, or fewer, in the negative on each day, kept as it is counted.

A page would else add up every popug's whole past. A popug is in the negative when all his
entries up to the end of the day sum to less than zero. What comes late changes his standing
on its own day and on each day after it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select, select

from analytics.models import loser_changes, standings, user_days
from chassis.database import Transaction
from chassis.prepared import prepared

Sums = Mapping[date, int]


def count(tx: Transaction, sums: Mapping[tuple[str, date], int]) -> None:
    """Count what popugs' days change by, in cents by (user id, day), before it is kept there."""
    new: dict[str, dict[date, int]] = defaultdict(dict)
    for (user_id, day), change in sums.items():
        new[user_id][day] = change
    held = _hold(tx, new)
    late = [user for user, (_, last) in held.items() if last and min(new[user]) < last]
    kept = _kept_since(tx, late, min((min(new[user]) for user in late), default=date.max))
    moved: dict[date, int] = defaultdict(int)
    for user_id, days in new.items():
        for day, by in changes(held[user_id][0], kept[user_id], days).items():
            moved[day] += by
    _save(tx, {user: (*held[user], days) for user, days in new.items()}, moved)


def changes(balance: int, kept: Sums, new: Sums) -> dict[date, int]:
    """By how much the number of losers changes on each day because of one popug.

    `balance` is all that he had so far, `kept` his days from the first one in `new` on
    (more of them do no harm), and `new` is what they change by.
    """
    before = after = balance - sum(kept.values())
    found: dict[date, int] = {}
    for day in sorted({*kept, *new}):
        old_before, new_before = before < 0, after < 0
        before += kept.get(day, 0)
        after += kept.get(day, 0) + new.get(day, 0)
        by = ((after < 0) - new_before) - ((before < 0) - old_before)
        if by:
            found[day] = by
    return found


def _hold(tx: Transaction, new: Mapping[str, Sums]) -> dict[str, tuple[int, date | None]]:
    """Sum and last day of these popugs, held until the end; a new one has nothing yet."""
    users = sorted(new)
    held = _held(tx, users)
    missing = [user for user in users if user not in held]
    if missing:
        tx.upsert(
            standings,
            [{"user_id": user, "balance": 0, "last_date": None} for user in missing],
            # Another one may be adding him at this moment: what he wrote stands.
            lambda old, _new: {"balance": old.c.balance},
        )
        held |= _held(tx, missing)
    return held


def _held(tx: Transaction, users: Sequence[str]) -> dict[str, tuple[int, date | None]]:
    return {user: (balance, last) for user, balance, last in tx.execute(_of(users))}


@prepared
def _of(users: Sequence[str]) -> Select[Any]:
    found = select(standings.c.user_id, standings.c.balance, standings.c.last_date)
    found = found.where(standings.c.user_id.in_(users)).order_by(standings.c.user_id)
    return found.with_for_update()


def _kept_since(tx: Transaction, users: Sequence[str], first: date) -> dict[str, dict[date, int]]:
    """The days of these popugs from `first` on; who holds their standing may change them."""
    kept: dict[str, dict[date, int]] = defaultdict(dict)
    if users:
        rows = tx.execute(
            select(user_days.c.user_id, user_days.c.date, user_days.c.sum).where(
                user_days.c.user_id.in_(users), user_days.c.date >= first
            )
        )
        for user_id, day, total in rows:
            kept[user_id][day] = total
    return kept


def _save(
    tx: Transaction,
    changed: Mapping[str, tuple[int, date | None, Sums]],
    moved: Mapping[date, int],
) -> None:
    tx.upsert(
        standings,
        [
            {
                "user_id": user_id,
                "balance": balance + sum(days.values()),
                "last_date": max(last or date.min, *days),
            }
            for user_id, (balance, last, days) in sorted(changed.items())
        ],
        lambda _old, new: {"balance": new.balance, "last_date": new.last_date},
    )
    tx.upsert(
        loser_changes,
        [{"date": day, "losers": by} for day, by in sorted(moved.items()) if by],
        lambda old, new: {"losers": old.c.losers + new.losers},
    )

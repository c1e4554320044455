"""What each business day brought the company, added up as it is booked.

A page of a year would else add up every entry of it. Who books adds to one of SLOTS rows of
the day, by chance, so that those who book at the same time do not wait for each other.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from random import randrange
from typing import Any

from sqlalchemy import Select, case, func, select, union_all

from accounts import domain
from accounts.domain import COMPANY, Cents, Entry
from accounts.models import company_sums, entries
from chassis.database import Transaction

SLOTS = 16
FIGURES = ("fees", "rewards", "payouts", "corrected")


def add(tx: Transaction, booked: Sequence[Entry]) -> None:
    """Count entries that this transaction books."""
    days: dict[date, dict[str, Cents]] = defaultdict(lambda: dict.fromkeys(FIGURES, 0))
    for entry in booked:
        figures = days[entry.day]
        if figure := _figure(entry):
            figures[figure] += entry.sum if figure == "rewards" else -entry.sum
    slot = randrange(SLOTS)  # noqa: S311 - nobody gains by foretelling it
    tx.upsert(
        company_sums,
        [{"date": day, "slot": slot, **figures} for day, figures in sorted(days.items())],
        lambda old, new: {name: old.c[name] + new[name] for name in FIGURES},
    )


def _figure(entry: Entry) -> str | None:
    """What an entry counts as; a returned payout counts as nothing."""
    if entry.kind == domain.REVERSAL:
        return "corrected" if entry.reversed_kind in domain.WORK else None
    return {domain.FEE: "fees", domain.REWARD: "rewards", domain.PAYOUT: "payouts"}[entry.kind]


def of_entries() -> Select[Any]:
    """The same figures by day, added up from the entries themselves."""
    kind, amount = entries.c.kind, entries.c.sum
    corrected = (kind == domain.REVERSAL) & entries.c.reversed_kind.in_(domain.WORK)
    return (
        select(
            entries.c.day.label("date"),
            _total(kind == domain.FEE, amount).label("fees"),
            _total(kind == domain.REWARD, -amount).label("rewards"),
            _total(kind == domain.PAYOUT, amount).label("payouts"),
            _total(corrected, amount).label("corrected"),
        )
        .where(entries.c.side == COMPANY)
        .group_by(entries.c.day)
    )


def days_that_differ() -> Select[Any]:
    """Days whose sums are not those of their entries."""
    kept = select(company_sums.c.date, *(-company_sums.c[name] for name in FIGURES))
    both = union_all(of_entries(), kept).subquery()
    differs = func.sum(both.c[FIGURES[0]]) != 0
    for name in FIGURES[1:]:
        differs |= func.sum(both.c[name]) != 0
    return select(both.c.date).group_by(both.c.date).having(differs)


def _total(condition: Any, value: Any) -> Any:
    return func.sum(case((condition, value), else_=0))

"""A dry run of closing: whom it would pay and how much, without paying anybody (rule 10).

It settles day after day as closing does, on figures alone. A day that is being closed at this
moment counts with what is left of it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from accounts import days, ledger
from accounts.domain import POPUG, Cents
from accounts.models import accounts, entries
from chassis.database import Reading


@dataclass(frozen=True)
class Due:
    """What closing a day would pay, by user id: positive amounts only."""

    date: date
    amounts: Mapping[str, Cents]

    @property
    def amount(self) -> Cents:
        """All of it."""
        return sum(self.amounts.values())

    def largest_first(self) -> list[tuple[str, Cents]]:
        """User ids and amounts."""
        return sorted(self.amounts.items(), key=lambda pair: (-pair[1], pair[0]))


def forecast(reading: Reading, last: date) -> list[Due]:
    """What would be paid if `last` were closed now, with every earlier open day before it.

    Oldest day first; empty if it is closed already. It reads all balances, and the entries
    of the days to settle and of later ones.
    """
    closed = days.closed(reading)
    to_settle = set(closed.closing)
    if closed.through is None or last > closed.through:
        to_settle |= {*ledger.days_with_entries(reading, closed.through, last), last}
    if not to_settle:
        return []
    in_order = sorted(day for day in to_settle if day <= last)
    balances = reading.execute(select(accounts.c.user_id, accounts.c.balance))
    held = {row.user_id: row.balance for row in balances}
    return settle(held, _booked_after(reading, in_order[0]), in_order) if in_order else []


def _booked_after(reading: Reading, day: date) -> dict[date, dict[str, Cents]]:
    """Sums by day and popug of what is booked on later days than this."""
    rows = reading.execute(
        select(entries.c.day, entries.c.user_id, func.sum(entries.c.sum))
        .where(entries.c.side == POPUG, entries.c.day > day)
        .group_by(entries.c.day, entries.c.user_id)
    )
    found: dict[date, dict[str, Cents]] = defaultdict(dict)
    for booked_on, user_id, total in rows:
        found[booked_on][user_id] = int(total)  # MySQL answers sums as decimals
    return found


def settle(
    balances: Mapping[str, Cents],
    booked: Mapping[date, Mapping[str, Cents]],
    in_order: Sequence[date],
) -> list[Due]:
    """What each of these days pays, one after the other, from the balances of now.

    `booked` are the sums of all days after the first of them; they may have been read later
    than the balances, and name popugs who are new.
    """
    held = dict(balances)
    for sums in booked.values():
        for user_id, total in sums.items():
            # Who had no account yet when the balances were read held nothing.
            held[user_id] = held.get(user_id, 0) - total
    coming = sorted(booked)
    found = []
    for day in in_order:
        while coming and coming[0] <= day:
            for user_id, total in booked[coming.pop(0)].items():
                held[user_id] += total
        due = {user_id: amount for user_id, amount in held.items() if amount > 0}
        held |= dict.fromkeys(due, 0)
        found.append(Due(day, due))
    return found

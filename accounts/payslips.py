"""Pay slips: the entries behind what a popug was paid for a day, or behind what he still owes.

A payout takes all that was booked up to its day since the last payout before it, and after a
payout nothing is booked on its day or an earlier one (rule 10). So those entries are exactly
what it is made of, and each entry is behind one payout or behind the balance carried over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, and_, func, not_, select

from accounts import days, domain, statements
from accounts.calendar_rules import CLOSED
from accounts.domain import PAYOUT, POPUG, REVERSAL, Cents, Entry
from accounts.models import entries, entry_of, entry_query, late_entries
from chassis.database import Reading


class NoPayslip(Exception):
    """There is no such account, or the day is not closed yet, or it is not for who asks."""


@dataclass(frozen=True)
class Payslip:
    """What is behind the end of one popug's business day; entries are in the ledger's order.

    `carried` are those of earlier days that no payout took, `own` those booked on the day
    itself; `own_days` tells of entries that came late which day they are of. `payout` is
    None where nothing was due; `returned_on` says when it was cancelled and came back.
    """

    user_id: str
    day: date
    carried: Sequence[Entry]
    own: Sequence[Entry]
    own_days: Mapping[str, date]
    payout: Entry | None
    returned_on: date | None

    @property
    def entries(self) -> Sequence[Entry]:
        """All that is behind the amount."""
        return [*self.carried, *self.own]

    @property
    def carried_sum(self) -> Cents:
        """What the day began with: nothing, or a debt as a negative amount."""
        return sum(entry.sum for entry in self.carried)

    @property
    def own_sum(self) -> Cents:
        """What the day itself brought and cost."""
        return sum(entry.sum for entry in self.own)

    @property
    def paid(self) -> Cents:
        """The payout, 0 if there was none."""
        return -self.payout.sum if self.payout else 0

    @property
    def left(self) -> Cents:
        """What is carried over to the next day: nothing after a payout, else a debt or 0."""
        return self.carried_sum + self.own_sum - self.paid


def payslip(reading: Reading, user_id: str, day: date) -> Payslip:
    """The pay slip of a closed day. Raises NoPayslip."""
    if statements.account(reading, user_id) is None:
        raise NoPayslip(user_id)
    if days.business_day(reading, day).status != CLOSED:
        raise NoPayslip(day.isoformat())
    own = [entry_of(row) for row in reading.execute(_of(user_id).where(entries.c.day == day))]
    payout = next((entry for entry in own if entry.kind == PAYOUT), None)
    carried = _carried(reading, user_id, day)
    return Payslip(
        user_id=user_id,
        day=day,
        carried=carried,
        own=[entry for entry in own if entry is not payout],
        own_days=_own_days(reading, user_id, day),
        payout=payout,
        returned_on=_returned_on(reading, payout),
    )


def _of(user_id: str) -> Select[Any]:
    return (
        entry_query()
        .where(entries.c.user_id == user_id)
        .order_by(entries.c.day, entries.c.position)
    )


def _carried(reading: Reading, user_id: str, day: date) -> list[Entry]:
    """What was booked on earlier days since the last payout before this one."""
    last_paid = reading.execute(
        select(func.max(entries.c.day)).where(
            entries.c.user_id == user_id,
            entries.c.side == POPUG,
            entries.c.kind == PAYOUT,
            entries.c.day < day,
        )
    ).scalar()
    query = _of(user_id).where(entries.c.day < day)
    if last_paid is not None:
        query = query.where(entries.c.day > last_paid)
    return [entry_of(row) for row in reading.execute(query)]


def _own_days(reading: Reading, user_id: str, day: date) -> dict[str, date]:
    """The own days of this popug's entries up to the day that came late, by transaction."""
    rows = reading.execute(
        select(late_entries.c.transaction_id, late_entries.c.own_day)
        .join(
            entries,
            and_(
                entries.c.transaction_id == late_entries.c.transaction_id,
                entries.c.side == POPUG,
            ),
        )
        .where(entries.c.user_id == user_id, entries.c.day <= day, not_(entries.c.kind == PAYOUT))
    )
    return {row.transaction_id: row.own_day for row in rows}


def _returned_on(reading: Reading, payout: Entry | None) -> date | None:
    if payout is None:
        return None
    return reading.execute(
        select(entries.c.day).where(
            entries.c.kind == REVERSAL,
            entries.c.source_id == payout.transaction_id,
            entries.c.side == POPUG,
        )
    ).scalar()


def may_see(user_id: str, asked_by: str, keeps_books: bool) -> bool:
    """One sees one's own pay slips; accountants and admins see everybody's (rule 12)."""
    return domain.is_id(user_id) and (keeps_books or user_id == asked_by)

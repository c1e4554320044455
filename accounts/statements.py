"""What an account holds, and its statement (rule 12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, func, select

from accounts import domain, models
from accounts.days import Closed
from accounts.domain import POPUG, Cents, Entry
from accounts.models import accounts, company_sums, entries
from chassis.database import Reading
from chassis.days import asked_range
from chassis.paging import Page, page_of
from chassis.prepared import prepared


@dataclass(frozen=True)
class Account:
    """An account as its owner sees it.

    `today` is what work brought and cost on this business day, corrections included and
    payouts not; `tonight` is what closing today would pay.
    """

    user_id: str
    balance: Cents
    today: Cents
    tonight: Cents


@dataclass(frozen=True)
class StatementDay:
    """A business day in a statement: what it changed in all, and entries, newest first.

    `entries` may be a part of the day where the statement goes on on the next page.
    """

    date: date
    total: Cents
    closed: bool
    entries: Sequence[Entry]


def account(reading: Reading, user_id: str) -> Account | None:
    """The account of this popug, or None where nothing was ever booked for him."""
    if not domain.is_id(user_id):
        return None
    found = reading.execute(_balance_and_sums(user_id, reading.today)).first()
    if found is None:
        return None
    balance, today, later = found
    return Account(user_id, balance, int(today), max(0, balance - int(later)))


@prepared
def _balance_and_sums(user_id: str, today: date) -> Select[Any]:
    """The balance, what work changed on this day, and what everything did on later ones.

    Asked for `day >= today`, MariaDB would go through all that was ever booked for him: it
    goes by the account, and looks at the day of each entry. Here each day is found by itself;
    later ones are few, if there are any, and each has its row in the company's sums.
    """
    his = (entries.c.user_id == user_id) & (entries.c.side == POPUG)
    work = entries.c.kind.in_(domain.WORK) | entries.c.reversed_kind.in_(domain.WORK)
    total = func.coalesce(func.sum(entries.c.sum), 0)
    later = select(company_sums.c.date).where(company_sums.c.date > today).distinct().subquery()
    of_today = select(total).where(his, entries.c.day == today, work)
    of_later = select(total).select_from(later.join(entries, entries.c.day == later.c.date))
    sums = (of_today.scalar_subquery(), of_later.where(his).scalar_subquery())
    return select(accounts.c.balance, *sums).where(accounts.c.user_id == user_id)


def empty_account(user_id: str) -> Account:
    """What somebody sees for whom nothing was booked yet."""
    return Account(user_id, 0, 0, 0)


def transactions(
    reading: Reading,
    user_id: str,
    day: date | None,
    before: int | None,
    most: int,
    *,
    task_id: str | None = None,
) -> Page[Entry]:
    """The popug's sides of his transactions, newest first; `before` is a position."""
    if not domain.is_id(user_id):
        return Page([])
    found = reading.execute(_booked(user_id, day, task_id, before, most + 1))
    return page_of([models.entry_of(row) for row in found], most, lambda entry: [entry.position])


@prepared
def _booked(
    user_id: str, day: date | None, task_id: str | None, before: int | None, most: int
) -> Select[Any]:
    query = models.entry_query().where(entries.c.user_id == user_id)
    if day is not None:
        query = query.where(entries.c.day == day)
    if task_id is not None:
        query = query.where(entries.c.task_id == task_id)
    if before is not None:
        query = query.where(entries.c.position < before)
    return query.order_by(entries.c.position.desc()).limit(most)


def statement(
    reading: Reading, user_id: str, before: tuple[date, int] | None, most: int, closed: Closed
) -> tuple[list[StatementDay], str | None]:
    """The statement by business day, newest first, and the cursor of its next page.

    `closed` was read before: then all that is booked on a closed day is in it.
    """
    day, position = before or (None, None)
    found = reading.execute(
        _stated(user_id, first=None, last=None, before=day, position=position, most=most + 1)
    )
    page = page_of(
        [models.entry_of(row) for row in found],
        most,
        lambda entry: [entry.day.isoformat(), entry.position],
    )
    return _by_day(reading, user_id, page.items, closed), page.next


def asked_days(
    today: date, closed: Closed, first: date | None, last: date | None
) -> tuple[date, date]:
    """The range of days asked for; without one the last 30 days. Raises WrongRange.

    Where today is closed already, what comes in is booked on tomorrow, and is in it.
    """
    open_day = closed.through + timedelta(days=1) if closed.through else today
    return asked_range(first, last, max(today, open_day))


def entries_between(
    reading: Reading,
    user_id: str,
    first: date,
    last: date,
    *,
    before: tuple[date, int] | None,
    most: int,
) -> list[Entry]:
    """At most `most` entries of a range of days in the order of the statement, newest first;
    `before` is day and position of the last one seen."""
    day, position = before or (None, None)
    found = reading.execute(
        _stated(user_id, first=first, last=last, before=day, position=position, most=most)
    )
    return [models.entry_of(row) for row in found]


@prepared
def _stated(
    user_id: str,
    *,
    first: date | None,
    last: date | None,
    before: date | None,
    position: int | None,
    most: int,
) -> Select[Any]:
    """Entries of an account in the order of the statement, from `first` to `last`, and behind
    the one at this day and position."""
    query = models.entry_query().where(entries.c.user_id == user_id)
    if first is not None:
        query = query.where(entries.c.day >= first)
    if last is not None:
        query = query.where(entries.c.day <= last)
    if before is not None:
        same_day = (entries.c.day == before) & (entries.c.position < position)
        query = query.where((entries.c.day < before) | same_day)
    return query.order_by(entries.c.day.desc(), entries.c.position.desc()).limit(most)


def _by_day(
    reading: Reading, user_id: str, shown: Sequence[Entry], closed: Closed
) -> list[StatementDay]:
    by_day: dict[date, list[Entry]] = {}
    for entry in shown:
        by_day.setdefault(entry.day, []).append(entry)
    sums = reading.execute(_totals(user_id, list(by_day))).all() if by_day else []
    totals: dict[date, Cents] = {day: int(total) for day, total in sums}
    return [StatementDay(day, totals[day], day in closed, of_day) for day, of_day in by_day.items()]


@prepared
def _totals(user_id: str, of_days: Sequence[date]) -> Select[Any]:
    return (
        select(entries.c.day, func.sum(entries.c.sum))
        .where(entries.c.user_id == user_id, entries.c.side == POPUG, entries.c.day.in_(of_days))
        .group_by(entries.c.day)
    )


def all_accounts(
    reading: Reading, descending: bool, after: tuple[Cents, str] | None, most: int
) -> Page[tuple[str, Cents]]:
    """Accounts (user id, balance) by balance: who owes most first, or who is owed most."""
    key = (accounts.c.balance, accounts.c.user_id)
    query = select(accounts.c.user_id, accounts.c.balance)
    query = query.order_by(*(column.desc() if descending else column for column in key))
    if after is not None:
        balance, user_id = after
        beyond = key[0] < balance if descending else key[0] > balance
        tie = key[1] < user_id if descending else key[1] > user_id
        query = query.where(beyond | ((key[0] == balance) & tie))
    rows = [(row.user_id, row.balance) for row in reading.execute(query.limit(most + 1))]
    return page_of(rows, most, lambda row: [row[1], row[0]])

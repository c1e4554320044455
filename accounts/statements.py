"""What an account holds, and its statement (rule 12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from accounts import domain, models
from accounts.domain import POPUG, Cents, Entry
from accounts.models import accounts, entries
from chassis.database import Reading
from chassis.paging import Page, page_of


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
    balance = reading.execute(
        select(accounts.c.balance).where(accounts.c.user_id == user_id)
    ).scalar()
    if balance is None:
        return None
    own = select(func.coalesce(func.sum(entries.c.sum), 0)).where(
        entries.c.user_id == user_id, entries.c.side == POPUG
    )
    work = entries.c.kind.in_(domain.WORK) | entries.c.reversed_kind.in_(domain.WORK)
    today = reading.execute(own.where(entries.c.day == reading.today, work)).scalar_one()
    later = reading.execute(own.where(entries.c.day > reading.today)).scalar_one()
    return Account(user_id, balance, int(today), max(0, balance - int(later)))


def empty_account(user_id: str) -> Account:
    """What somebody sees for whom nothing was booked yet."""
    return Account(user_id, 0, 0, 0)


def transactions(
    reading: Reading, user_id: str, day: date | None, before: int | None, most: int
) -> Page[Entry]:
    """The popug's sides of his transactions, newest first; `before` is a position."""
    if not domain.is_id(user_id):
        return Page([])
    query = models.entry_query().where(entries.c.user_id == user_id)
    if day is not None:
        query = query.where(entries.c.day == day)
    if before is not None:
        query = query.where(entries.c.position < before)
    rows = reading.execute(query.order_by(entries.c.position.desc()).limit(most + 1))
    return page_of([models.entry_of(row) for row in rows], most, lambda entry: [entry.position])


def statement(
    reading: Reading, user_id: str, before: tuple[date, int] | None, most: int
) -> tuple[list[StatementDay], str | None]:
    """The statement by business day, newest first, and the cursor of its next page."""
    query = models.entry_query().where(entries.c.user_id == user_id)
    if before is not None:
        day, position = before
        query = query.where(
            (entries.c.day < day) | ((entries.c.day == day) & (entries.c.position < position))
        )
    query = query.order_by(entries.c.day.desc(), entries.c.position.desc()).limit(most + 1)
    page = page_of(
        [models.entry_of(row) for row in reading.execute(query)],
        most,
        lambda entry: [entry.day.isoformat(), entry.position],
    )
    return _by_day(reading, user_id, page.items), page.next


def _by_day(reading: Reading, user_id: str, shown: Sequence[Entry]) -> list[StatementDay]:
    by_day: dict[date, list[Entry]] = {}
    for entry in shown:
        by_day.setdefault(entry.day, []).append(entry)
    sums = reading.execute(
        select(entries.c.day, func.sum(entries.c.sum))
        .where(
            entries.c.user_id == user_id,
            entries.c.side == POPUG,
            entries.c.day.in_(list(by_day)),
        )
        .group_by(entries.c.day)
    )
    totals: dict[date, Cents] = {day: int(total) for day, total in sums}
    through = reading.execute(select(models.ledger_state.c.closing_through)).scalar()
    return [
        StatementDay(day, totals[day], through is not None and day <= through, of_day)
        for day, of_day in by_day.items()
    ]


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

"""Queries that changes of the ledger stand on.

Locks are taken in one order: the watermark, the business day, the accounts by user id,
the company's sums.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Select, func, select

from accounts import company_sums
from accounts.calendar_rules import CLOSING
from accounts.domain import COMPANY, POPUG, Cents, Entry
from accounts.models import (
    accounts,
    business_days,
    entries,
    entry_of,
    entry_query,
    late_entries,
    ledger_state,
)
from chassis.database import Reading, Transaction
from chassis.prepared import prepared

# What both sides of an entry have in common; the database gives the position.
_BOOKED = tuple(name for name in Entry.__slots__ if name != "position")
_booked = attrgetter(*_BOOKED)


def closed_through(tx: Transaction) -> date | None:
    """The watermark, which stays where it is until this transaction ends."""
    return tx.execute(_watermark()).scalar()


@prepared
def _watermark() -> Select[Any]:
    return select(ledger_state.c.closing_through).with_for_update(read=True)


def closed_through_for_update(tx: Transaction) -> date | None:
    """The watermark, once no transaction is left that posts by it."""
    return tx.execute(select(ledger_state.c.closing_through).with_for_update()).scalar()


def lock_accounts(tx: Transaction, user_ids: Iterable[str]) -> dict[str, Cents]:
    """Balances of these accounts, held until the end; an unknown one is opened with zero."""
    wanted = sorted(set(user_ids))
    balances = _locked_balances(tx, wanted)
    missing = [user_id for user_id in wanted if user_id not in balances]
    if missing:
        tx.upsert(
            accounts,
            [{"user_id": user_id, "balance": 0, "updated_at": tx.now} for user_id in missing],
            # Another one may be opening it at this moment: his balance stands.
            lambda old, _new: {"balance": old.c.balance},
        )
        balances |= _locked_balances(tx, missing)
    return balances


def _locked_balances(tx: Transaction, user_ids: Sequence[str]) -> dict[str, Cents]:
    return {row.user_id: row.balance for row in tx.execute(_held(user_ids))}


@prepared
def _held(user_ids: Sequence[str]) -> Select[Any]:
    found = select(accounts.c.user_id, accounts.c.balance).where(accounts.c.user_id.in_(user_ids))
    return found.order_by(accounts.c.user_id).with_for_update()


def already_posted(reading: Reading, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these (kind, source id) are in the ledger."""
    found: set[tuple[str, str]] = set()
    for kind in {kind for kind, _ in keys}:
        sources = [source for of, source in keys if of == kind]
        found |= {(kind, source) for source in reading.execute(_posted(kind, sources)).scalars()}
    return found


@prepared
def _posted(kind: str, sources: Sequence[str]) -> Select[Any]:
    of_a_popug = (entries.c.kind == kind) & (entries.c.side == POPUG)
    return select(entries.c.source_id).where(of_a_popug, entries.c.source_id.in_(sources))


def save(tx: Transaction, booked: Sequence[Entry], own_days: Sequence[date]) -> None:
    """Write both sides of each entry, and note those that are not booked on their own day."""
    tx.insert(entries, [row for entry in booked for row in _both_sides(entry, tx.now)])
    tx.insert(
        late_entries,
        [
            {"transaction_id": entry.transaction_id, "own_day": own_day}
            for entry, own_day in zip(booked, own_days, strict=True)
            if own_day != entry.day
        ],
    )
    company_sums.add(tx, booked)


def _both_sides(entry: Entry, now: datetime) -> list[dict[str, Any]]:
    row = dict(zip(_BOOKED, _booked(entry), strict=True))
    popug = row | {"side": POPUG, "posted_at": now}
    return [popug, popug | {"side": COMPANY, "sum": -entry.sum, "balance": None}]


def save_balances(tx: Transaction, balances: dict[str, Cents]) -> None:
    """Write new balances of accounts that this transaction holds."""
    tx.upsert(
        accounts,
        [
            {"user_id": user_id, "balance": balance, "updated_at": tx.now}
            for user_id, balance in sorted(balances.items())
        ],
        lambda _old, new: {"balance": new.balance, "updated_at": new.updated_at},
    )


def find_entries(reading: Reading, transaction_ids: Collection[str]) -> dict[str, Entry]:
    """The popug's sides of these transactions, by id; unknown ones are missing."""
    rows = reading.execute(entry_query().where(entries.c.transaction_id.in_(transaction_ids)))
    found = [entry_of(row) for row in rows]
    return {entry.transaction_id: entry for entry in found}


def days_with_entries(reading: Reading, after: date | None, through: date) -> list[date]:
    """Days in (after, through] that something is booked on, oldest first."""
    query = (
        select(entries.c.day)
        .where(entries.c.side == COMPANY, entries.c.day <= through)
        .distinct()
        .order_by(entries.c.day)
    )
    if after is not None:
        query = query.where(entries.c.day > after)
    return list(reading.execute(query).scalars())


def last_position(reading: Reading) -> int:
    """The position of the ledger's last entry, 0 in an empty one."""
    return reading.execute(select(func.max(entries.c.position))).scalar() or 0


def earliest_closing(tx: Transaction) -> Any | None:
    """The row of the earliest day that is being closed, held until the end."""
    return tx.execute(
        select(business_days.c.date, business_days.c.last_user_id)
        .where(business_days.c.status == CLOSING)
        .order_by(business_days.c.date)
        .limit(1)
        .with_for_update()
    ).first()


def accounts_after(tx: Transaction, user_id: str, most: int) -> dict[str, Cents]:
    """Balances of the next accounts by user id, held until the end."""
    rows = tx.execute(
        select(accounts.c.user_id, accounts.c.balance)
        .where(accounts.c.user_id > user_id)
        .order_by(accounts.c.user_id)
        .limit(most)
        .with_for_update()
    )
    return {row.user_id: row.balance for row in rows}


def sums_after(reading: Reading, day: date, user_ids: Collection[str]) -> dict[str, Cents]:
    """Per account, the sum of what is booked on later days than this."""
    rows = reading.execute(
        select(entries.c.user_id, func.sum(entries.c.sum))
        .where(entries.c.side == POPUG, entries.c.day > day, entries.c.user_id.in_(user_ids))
        .group_by(entries.c.user_id)
    )
    return {user_id: int(total) for user_id, total in rows}

"""The ledger's own invariants (contract, section 7), checked against what is stored.

Each check is one statement, so that it looks at one moment even while the ledger grows.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from accounts import company_sums
from accounts.calendar_rules import CLOSED
from accounts.domain import COMPANY, PAYOUT, POPUG
from accounts.models import accounts, business_days, entries, ledger_state
from chassis.checks import Finding
from chassis.database import Reading

MOST_NAMED = 20


def run(reading: Reading) -> list[Finding]:
    """All checks; it reads the whole ledger."""
    return [_check(reading, name, query()) for name, query in _CHECKS]


def _check(reading: Reading, name: str, query: Select[Any]) -> Finding:
    """A check holds when its query, which gives what breaks it, gives nothing."""
    wrong: Sequence[Any] = reading.execute(query.limit(MOST_NAMED + 1)).all()
    named = [" ".join(str(value) for value in row) for row in wrong[:MOST_NAMED]]
    more = ["and more"] if len(wrong) > MOST_NAMED else []
    return Finding(name, not wrong, ", ".join(named + more))


def _unbalanced_transactions() -> Select[Any]:
    """Not exactly one side each of the popug and the company, with opposite sums."""
    return (
        select(entries.c.transaction_id)
        .group_by(entries.c.transaction_id)
        .having((func.sum(entries.c.sum) != 0) | (func.count() != 2))
    )


def _sum_of_the_ledger() -> Select[Any]:
    return select(func.sum(entries.c.sum)).having(func.sum(entries.c.sum) != 0)


def _sums_by_account() -> Any:
    return (
        select(entries.c.user_id, func.sum(entries.c.sum).label("sum"))
        .where(entries.c.side == POPUG)
        .group_by(entries.c.user_id)
        .subquery()
    )


def _balances_that_are_not_the_sum() -> Select[Any]:
    sums = _sums_by_account()
    return (
        select(accounts.c.user_id)
        .outerjoin(sums, sums.c.user_id == accounts.c.user_id)
        .where(accounts.c.balance != func.coalesce(sums.c.sum, 0))
    )


def _entries_without_account() -> Select[Any]:
    sums = _sums_by_account()
    return (
        select(sums.c.user_id)
        .outerjoin(accounts, sums.c.user_id == accounts.c.user_id)
        .where(accounts.c.user_id.is_(None))
    )


def _balances_that_are_not_the_last() -> Select[Any]:
    last = (
        select(func.max(entries.c.position).label("position"))
        .where(entries.c.side == POPUG)
        .group_by(entries.c.user_id)
        .subquery()
    )
    return (
        select(accounts.c.user_id)
        .select_from(last)
        .join(entries, entries.c.position == last.c.position)
        .join(accounts, accounts.c.user_id == entries.c.user_id)
        .where(entries.c.balance != accounts.c.balance)
    )


def _balances_that_do_not_run() -> Select[Any]:
    """Entries whose balance is not the sum of the account's entries up to them."""
    running = func.sum(entries.c.sum).over(
        partition_by=entries.c.user_id, order_by=entries.c.position
    )
    chain = (
        select(entries.c.transaction_id, entries.c.balance, running.label("running"))
        .where(entries.c.side == POPUG)
        .subquery()
    )
    return select(chain.c.transaction_id).where(chain.c.balance != chain.c.running)


def _payouts_that_repeat_or_take() -> Select[Any]:
    """A popug is paid at most once for a day, and never a negative amount or nothing."""
    return (
        select(entries.c.user_id, entries.c.day)
        .where(entries.c.kind == PAYOUT, entries.c.side == POPUG)
        .group_by(entries.c.user_id, entries.c.day)
        .having((func.count() > 1) | (func.max(entries.c.sum) >= 0))
    )


def _paid() -> Any:
    return (
        select(
            entries.c.day,
            func.count().label("payouts"),
            func.sum(entries.c.sum).label("amount"),
        )
        .where(entries.c.kind == PAYOUT, entries.c.side == COMPANY)
        .group_by(entries.c.day)
        .subquery()
    )


def _days_that_differ_from_their_payouts() -> Select[Any]:
    paid = _paid()
    return (
        select(business_days.c.date)
        .outerjoin(paid, paid.c.day == business_days.c.date)
        .where(
            (business_days.c.payouts != func.coalesce(paid.c.payouts, 0))
            | (business_days.c.amount != func.coalesce(paid.c.amount, 0))
        )
    )


def _payouts_of_days_that_are_open() -> Select[Any]:
    paid = _paid()
    return (
        select(paid.c.day)
        .outerjoin(business_days, paid.c.day == business_days.c.date)
        .where(business_days.c.date.is_(None))
    )


def _entries_after_closing() -> Select[Any]:
    """Booked on a day after its closing began, or on a day that was passed over as empty."""
    return (
        select(entries.c.transaction_id)
        .join(ledger_state, entries.c.day <= ledger_state.c.closing_through)
        .outerjoin(business_days, business_days.c.date == entries.c.day)
        .where(
            entries.c.side == POPUG,
            entries.c.kind != PAYOUT,
            or_(
                business_days.c.date.is_(None),
                entries.c.position > business_days.c.last_position,
            ),
        )
    )


def _days_left_in_credit() -> Select[Any]:
    """Accounts that were in credit at the end of the last closed day and were not paid.

    Only the last one is looked at, and only when no day is being closed at the moment.
    """
    state = select(ledger_state.c.closing_through).scalar_subquery()
    unfinished = select(business_days.c.date).where(business_days.c.status != CLOSED)
    return (
        select(entries.c.user_id)
        .where(and_(entries.c.side == POPUG, entries.c.day <= state), ~unfinished.exists())
        .group_by(entries.c.user_id)
        .having(func.sum(entries.c.sum) > 0)
    )


_CHECKS: tuple[tuple[str, Callable[[], Select[Any]]], ...] = (
    ("every transaction has two sides that sum to zero", _unbalanced_transactions),
    ("the whole ledger sums to zero", _sum_of_the_ledger),
    ("each balance is the sum of the account's entries", _balances_that_are_not_the_sum),
    ("each entry belongs to an account", _entries_without_account),
    ("each balance is the one on the account's last entry", _balances_that_are_not_the_last),
    ("each entry's balance follows from the entries before it", _balances_that_do_not_run),
    ("one payout per account and day, and a positive one", _payouts_that_repeat_or_take),
    ("each day's figures are those of its payouts", _days_that_differ_from_their_payouts),
    ("each company day is the sum of its entries", company_sums.days_that_differ),
    ("payouts are of closed days only", _payouts_of_days_that_are_open),
    ("nothing is booked on a day after its closing began", _entries_after_closing),
    ("closed days left nobody in credit", _days_left_in_credit),
)

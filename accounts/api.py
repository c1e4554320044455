"""The REST side of accounts: `/accounts/api/v1`."""

import datetime

from flask_babel import lazy_gettext as _l

from accounts import checks, closing, commands, company_days, days, domain, facts, statements
from accounts.shapes import (
    AccountOut,
    BookedPayoutOut,
    BookedPayoutsOut,
    CheckOut,
    CompanyDayOut,
    CompanyOut,
    DayOut,
    NewReversal,
    PayoutsQuery,
    ReconciliationOut,
    TransactionOut,
    TransactionsOut,
    TransactionsQuery,
)
from chassis.access import allowed, current_user, signed_in, signed_in_or_service
from chassis.database import Reading
from chassis.days import DaysQuery, asked_range, read_day
from chassis.identity import SERVICE_ROLE
from chassis.openapi import Api
from chassis.paging import page_of, read_cursor
from chassis.refusals import Problem
from chassis.runtime import query as look
from chassis.runtime import runtime, transact
from contracts.roles import ACCOUNTANT, ADMIN, BOOKKEEPERS, MANAGER

api = Api("accounts", "Accounts: the ledger of UberPopug Inc.")


@api.get("/accounts/me")
@signed_in
@api.describe(answer=AccountOut)
def my_account() -> AccountOut:
    """My account; zeros where nothing was booked yet."""
    return _account_out(_own_account())


@api.get("/accounts/<user_id>")
@signed_in_or_service
@api.describe(answer=AccountOut, refuses=(404,))
def one_account(user_id: str) -> AccountOut:
    """Anyone's account, for accountants, admins and services; one's own for everybody."""
    return _account_out(_account_to_show(user_id))


@api.get("/accounts/me/transactions")
@signed_in
@api.describe(answer=TransactionsOut)
def my_transactions(query: TransactionsQuery) -> TransactionsOut:
    """My transactions, newest first."""
    return _transactions(_own_account(), query)


@api.get("/accounts/<user_id>/transactions")
@signed_in_or_service
@api.describe(answer=TransactionsOut, refuses=(404,))
def transactions_of(user_id: str, query: TransactionsQuery) -> TransactionsOut:
    """Anyone's transactions, for accountants, admins and services."""
    return _transactions(_account_to_show(user_id), query)


@api.post("/reversals")
@allowed(*BOOKKEEPERS)
@api.describe(answer=TransactionOut, status=201, refuses=(404, 409))
def reverse(json: NewReversal) -> tuple[TransactionOut, int]:
    """Undo a fee or a reward by a new transaction that says why and by whom."""
    if not domain.is_id(json.transaction_id):
        raise domain.UnknownTransaction(json.transaction_id)
    entry = transact(commands.reverse, json.transaction_id, json.reason, current_user.user_id)
    return TransactionOut.of(entry), 201


@api.get("/company")
@allowed(MANAGER, ACCOUNTANT, ADMIN)
@api.describe(answer=CompanyOut)
def company(query: DaysQuery) -> CompanyOut:
    """What each business day brought the company."""
    cursor = read_cursor(query.after, str)
    after = read_day(cursor[0]) if cursor else datetime.date.min
    first, last = look(_asked, query)
    rows = [row for row in look(company_days.days_between, first, last) if row.date > after]
    page = page_of(rows[: query.limit + 1], query.limit, lambda row: [row.date.isoformat()])
    items = [CompanyDayOut.model_validate(row, from_attributes=True) for row in page.items]
    return CompanyOut(items=items, next=page.next)


@api.get("/days/<day>")
@allowed(*BOOKKEEPERS)
@api.describe(answer=DayOut)
def business_day(day: str) -> DayOut:
    """Whether the day is closed, and what was paid for it."""
    return DayOut.of(look(days.business_day, read_day(day)))


@api.post("/days/<day>/close")
@allowed(*BOOKKEEPERS)
@api.describe(answer=DayOut)
def close_day(day: str) -> DayOut:
    """Close the day and every earlier open one; a closed one stays as it is."""
    closed = closing.close_day(runtime.database, read_day(day), current_user.user_id)
    return DayOut.of(closed)


@api.get("/payouts")
@allowed(*BOOKKEEPERS, SERVICE_ROLE)
@api.describe(answer=BookedPayoutsOut)
def booked_payouts(query: PayoutsQuery) -> BookedPayoutsOut:
    """The payouts that the ledger has for a day, to be compared with those in billing."""
    after = read_cursor(query.after, str, str) or ("", "")
    rows = look(facts.payouts_of_day, query.date, (after[0], after[1]), query.limit + 1)
    page = page_of(rows, query.limit, lambda row: [row.user_id, row.payout_id])
    items = [
        BookedPayoutOut(
            payout_id=row.payout_id,
            user_id=row.user_id,
            date=row.day,
            amount=row.amount,
            returned=row.returned,
            booked_at=row.at,
        )
        for row in page.items
    ]
    return BookedPayoutsOut(items=items, next=page.next)


@api.get("/reconciliation")
@allowed(*BOOKKEEPERS)
@api.describe(answer=ReconciliationOut)
def reconciliation() -> ReconciliationOut:
    """Check the ledger's invariants against what is stored."""
    results = look(checks.run)
    return ReconciliationOut(
        checks=[CheckOut.model_validate(result, from_attributes=True) for result in results]
    )


def _asked(reading: Reading, query: DaysQuery) -> tuple[datetime.date, datetime.date]:
    return asked_range(query.first, query.last, reading.today)


def _own_account() -> statements.Account:
    user_id = current_user.user_id
    return look(statements.account, user_id) or statements.empty_account(user_id)


def _account_to_show(user_id: str) -> statements.Account:
    if not current_user.is_service and user_id == current_user.user_id:
        return _own_account()
    if not current_user.is_service and current_user.role not in BOOKKEEPERS:
        raise Problem(403, _l("You may see your own account only."))
    account = look(statements.account, user_id)
    if account is None:
        raise Problem(404, _l("There is no such account."))
    return account


def _account_out(account: statements.Account) -> AccountOut:
    return AccountOut(
        user_id=account.user_id,
        balance=account.balance,
        today=account.today,
        currency=runtime.settings.currency,
    )


def _transactions(account: statements.Account, query: TransactionsQuery) -> TransactionsOut:
    cursor = read_cursor(query.after, int)
    before = cursor[0] if cursor else None
    page = look(
        statements.transactions,
        account.user_id,
        query.day,
        before,
        query.limit,
        task_id=query.task_id,
    )
    return TransactionsOut(items=[TransactionOut.of(e) for e in page.items], next=page.next)

"""Accounts as people see them: one's own, and for bookkeepers everybody's (rule 12)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, TextAreaField
from wtforms.validators import DataRequired, Length, ValidationError

from accounts import commands, days, domain, ledger, models, statements
from accounts.domain import Entry
from accounts.statements import Account, StatementDay
from accounts.words import KINDS
from chassis.access import allowed, current_user, signed_in
from chassis.database import Reading
from chassis.days import read_day
from chassis.paging import DEFAULT_LIMIT, read_cursor
from chassis.refusals import Problem
from chassis.runtime import query, runtime, transact
from contracts.rest import person_names, task_titles
from contracts.roles import BOOKKEEPERS

pages = Blueprint("pages", __name__)

ORDERS = {"owing": False, "owed": True}


def _plain_text(_form: FlaskForm, written: Field) -> None:
    if not domain.is_plain_text(written.data):
        raise ValidationError(_("Leave control characters out."))


class ReversalForm(FlaskForm):  # type: ignore[misc]
    """Why a transaction is undone."""

    reason = TextAreaField(
        _l("Reason"),
        filters=[lambda text: text.strip() if text else text],
        validators=[
            DataRequired(_l("Say why, in a few words.")),
            Length(max=models.NOTE_LENGTH, message=_l("At most %(max)d characters.")),
            _plain_text,
        ],
        description=_l("The popug will read it in his statement."),
    )


@pages.get("/")
@signed_in
def mine() -> str:
    """My balance and my statement by day."""
    user_id = current_user.user_id
    account, statement = query(_account, user_id, _statement_cursor())
    account = account or statements.empty_account(user_id)
    return _show(account, statement, _("My account"), may_reverse=False)


@pages.get("/users")
@allowed(*BOOKKEEPERS)
def users() -> str:
    """All accounts by balance: who owes most first, or who is owed most."""
    order = request.args.get("order", "owing")
    if order not in ORDERS:
        raise Problem(422, _("Order accounts by owing or owed."))
    cursor: Any = read_cursor(request.args.get("after"), int, str)
    page = query(statements.all_accounts, ORDERS[order], cursor, DEFAULT_LIMIT)
    names = person_names(runtime.remote, [user_id for user_id, _balance in page.items])
    return render_template("accounts/users.html", page=page, names=names, order=order)


@pages.get("/users/<user_id>")
@allowed(*BOOKKEEPERS)
def user(user_id: str) -> str:
    """Anyone's balance and statement."""
    if not domain.is_id(user_id):
        raise _no_account()
    account, statement = query(_account, user_id, _statement_cursor())
    if account is None:
        raise _no_account()
    name = person_names(runtime.remote, [user_id])[user_id]
    return _show(account, statement, name, may_reverse=True)


@pages.get("/transactions/<transaction_id>/reverse")
@allowed(*BOOKKEEPERS)
def ask_to_reverse(transaction_id: str) -> str:
    """What would be undone, and the question why."""
    return _reversal_page(_entry(transaction_id), ReversalForm(formdata=None))


@pages.post("/transactions/<transaction_id>/reverse")
@allowed(*BOOKKEEPERS)
def reverse(transaction_id: str) -> Any:
    """Undo a fee or a reward by a new transaction."""
    entry = _entry(transaction_id)
    form = ReversalForm()
    if not form.validate():
        return _reversal_page(entry, form), 422
    transact(commands.reverse, transaction_id, form.reason.data, current_user.user_id)
    flash(_("The transaction is reversed."), "success")
    return redirect(url_for("pages.user", user_id=entry.user_id), 303)


@dataclass(frozen=True)
class Statement:
    """A page of a statement: its days, the cursor of the next one, the ids of what is undone,
    and the range of days that a file is offered for."""

    days: list[StatementDay]
    next: str | None
    undone: set[str]
    last_days: tuple[date, date]


def _account(
    reading: Reading, user_id: str, before: tuple[date, int] | None
) -> tuple[Account | None, Statement]:
    """An account, if there is one, and a page of its statement."""
    account = statements.account(reading, user_id)
    closed = days.closed(reading)
    shown, following = statements.statement(reading, user_id, before, DEFAULT_LIMIT, closed)
    undoing = {(domain.REVERSAL, entry.transaction_id) for entry in _entries(shown)}
    undone = {source for _kind, source in ledger.already_posted(reading, undoing)}
    offered = statements.asked_days(reading.today, closed, None, None)
    return account, Statement(shown, following, undone, offered)


def _no_account() -> Problem:
    return Problem(404, _("There is no such account."))


def _show(account: Account, statement: Statement, title: str, may_reverse: bool) -> str:
    return render_template(
        "accounts/account.html",
        account=account,
        title=title,
        days=_rows(statement),
        next=statement.next,
        kinds=KINDS,
        may_reverse=may_reverse,
        reversible=domain.WORK,
        last_days=statement.last_days,
    )


def _rows(statement: Statement) -> list[tuple[StatementDay, tuple[tuple[Any, ...], ...]]]:
    """Each day with its rows: the entry, the title of its task, who made it, whether undone."""
    shown = _entries(statement.days)
    titles = task_titles(runtime.remote, [entry.task_id for entry in shown])
    authors = person_names(runtime.remote, [entry.made_by for entry in shown])

    def row(entry: Entry) -> tuple[Any, ...]:
        return (
            entry,
            titles[entry.task_id] if entry.task_id else "",
            authors[entry.made_by] if entry.made_by else "",
            entry.transaction_id in statement.undone,
        )

    return [(day, tuple(row(entry) for entry in day.entries)) for day in statement.days]


def _statement_cursor() -> tuple[date, int] | None:
    cursor = read_cursor(request.args.get("after"), str, int)
    return (read_day(cursor[0]), cursor[1]) if cursor else None


def _entries(shown: list[StatementDay]) -> list[Entry]:
    return [entry for day in shown for entry in day.entries]


def _entry(transaction_id: str) -> Entry:
    if domain.is_id(transaction_id):
        found = query(ledger.find_entries, [transaction_id]).get(transaction_id)
        if found:
            return found
    raise domain.UnknownTransaction(transaction_id)


def _reversal_page(entry: Entry, form: ReversalForm) -> str:
    return render_template(
        "accounts/reverse.html",
        entry=entry,
        form=form,
        kinds=KINDS,
        name=person_names(runtime.remote, [entry.user_id])[entry.user_id],
        titles=task_titles(runtime.remote, [entry.task_id]),
    )

"""Accounts as people see them: one's own, and for bookkeepers everybody's (rule 12)."""

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, TextAreaField
from wtforms.validators import DataRequired, Length, ValidationError

from accounts import commands, domain, ledger, models, statements
from accounts.domain import Entry
from accounts.statements import Account, StatementDay
from chassis.access import allowed, current_user, signed_in
from chassis.days import read_day
from chassis.paging import DEFAULT_LIMIT, read_cursor
from chassis.refusals import Problem
from chassis.runtime import query, runtime, transact
from contracts.rest import person_names, task_titles
from contracts.roles import BOOKKEEPERS

pages = Blueprint("pages", __name__)

KINDS = {
    domain.FEE: _l("Fee"),
    domain.REWARD: _l("Reward"),
    domain.PAYOUT: _l("Payout"),
    domain.REVERSAL: _l("Reversal"),
}
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
    account = query(statements.account, user_id) or statements.empty_account(user_id)
    return _show(account, _("My account"), may_reverse=False)


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
    account = query(statements.account, user_id)
    if account is None:
        raise Problem(404, _("There is no such account."))
    name = person_names(runtime.remote, [user_id])[user_id]
    return _show(account, name, may_reverse=True)


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


def _show(account: Account, title: str, may_reverse: bool) -> str:
    days, following = query(
        statements.statement, account.user_id, _statement_cursor(), DEFAULT_LIMIT
    )
    undoing = {(domain.REVERSAL, entry.transaction_id) for entry in _entries(days)}
    return render_template(
        "accounts/account.html",
        account=account,
        title=title,
        days=days,
        next=following,
        titles=task_titles(runtime.remote, [e.task_id for e in _entries(days)]),
        authors=person_names(runtime.remote, [e.made_by for e in _entries(days)]),
        kinds=KINDS,
        may_reverse=may_reverse,
        reversible=domain.WORK,
        undone={source for _kind, source in query(ledger.already_posted, undoing)},
    )


def _statement_cursor() -> tuple[date, int] | None:
    cursor = read_cursor(request.args.get("after"), str, int)
    return (read_day(cursor[0]), cursor[1]) if cursor else None


def _entries(days: list[StatementDay]) -> list[Entry]:
    return [entry for day in days for entry in day.entries]


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

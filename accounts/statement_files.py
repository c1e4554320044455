"""The statement of a range of days as CSV, with the figures that are on screen (rule 12)."""

from collections.abc import Iterator
from datetime import date

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from accounts import days, statements, words
from accounts.domain import Entry
from chassis.access import allowed, current_user, signed_in
from chassis.days import read_day
from chassis.refusals import Problem
from chassis.runtime import query, runtime
from chassis.spreadsheets import CSV, Cell, as_csv, download, units
from contracts.rest import person_names, task_titles
from contracts.roles import BOOKKEEPERS

pages = Blueprint("files", __name__)

ROWS_AT_ONCE = 500


@pages.get("/statement.csv")
@signed_in
def mine() -> Response:
    """My statement. Raises NotADay, WrongRange."""
    return _file(current_user.user_id)


@pages.get("/users/<user_id>/statement.csv")
@allowed(*BOOKKEEPERS)
def of_user(user_id: str) -> Response:
    """Anyone's statement. Raises NotADay, WrongRange."""
    if query(statements.account, user_id) is None:
        raise Problem(404, _("There is no such account."))
    return _file(user_id)


def _file(user_id: str) -> Response:
    texts = (request.args.get(name) for name in ("from", "to"))
    asked = [read_day(text) if text else None for text in texts]
    closed, today = query(lambda reading: (days.closed(reading), reading.today))
    first, last = statements.asked_days(today, closed, *asked)
    return download(as_csv(_rows(user_id, first, last)), CSV, f"statement-{first}-{last}.csv")


def _rows(user_id: str, first: date, last: date) -> Iterator[list[Cell]]:
    """The headings and a row per entry, in the order of the statement; read in pieces."""
    names = (_("Day"), _("When"), _("What"), _("Sum"), _("Balance"), _("Currency"), _("Reason"))
    yield list(names)
    place = None
    while some := query(
        statements.entries_between, user_id, first, last, before=place, most=ROWS_AT_ONCE
    ):
        yield from _cells(some)
        place = (some[-1].day, some[-1].position)


def _cells(some: list[Entry]) -> Iterator[list[Cell]]:
    titles = task_titles(runtime.remote, [entry.task_id for entry in some])
    authors = person_names(runtime.remote, [entry.made_by for entry in some])
    settings = runtime.settings
    for entry in some:
        yield [
            entry.day,
            entry.occurred_at.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M:%S"),
            words.what(entry, titles),
            units(entry.sum),
            units(entry.balance),
            settings.currency,
            words.why(entry, authors),
        ]

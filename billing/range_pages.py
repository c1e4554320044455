"""The payout report of a range of days on screen, with its files (rule 16)."""

from datetime import date
from typing import Any

from flask import Blueprint, render_template, request

from billing import ranges
from billing.reports import Line
from billing.words import STATUSES, why
from chassis.access import allowed
from chassis.database import Reading
from chassis.days import NotADay, WrongRange, asked_range, read_day
from chassis.paging import MOST, page_of, read_cursor
from chassis.runtime import query
from contracts.roles import ACCOUNTANT, ADMIN

pages = Blueprint("ranges", __name__)


@pages.get("/reports")
@allowed(ACCOUNTANT, ADMIN)
def report() -> Any:
    """The payouts of a range with totals by status; a wrong range is said beside the form."""
    asked = {name: request.args.get(name, "") for name in ("from", "to")}
    words = {"statuses": STATUSES, "why": why}
    try:
        first, last = query(_asked, *(read_day(text) if text else None for text in asked.values()))
    except (NotADay, WrongRange) as wrong:
        page = render_template(
            "billing/range.html", refused=str(wrong.detail), shown=asked, page=None, **words
        )
        return page, 422
    cursor = read_cursor(request.args.get("after"), str, str)
    after = (read_day(cursor[0]), cursor[1]) if cursor else None
    some = query(ranges.payouts_between, first, last, after, MOST + 1)
    return render_template(
        "billing/range.html",
        refused="",
        shown={"from": first.isoformat(), "to": last.isoformat()},
        page=page_of(ranges.named(some), MOST, _place),
        totals=query(ranges.totals_between, first, last),
        **words,
    )


def _place(line: Line) -> tuple[str, str]:
    return line.payout.date.isoformat(), line.payout.id


def _asked(reading: Reading, first: date | None, last: date | None) -> tuple[date, date]:
    return asked_range(first, last, reading.today)

"""One business day: a dry run while it is open, progress while it is closed, then the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request

from accounts import calendar_rules, days, forecast
from accounts.calendar_rules import BusinessDay
from accounts.company_pages import CLOSERS, STATUSES
from accounts.days import Payment
from accounts.late_entries import LateEntry, late_entries_of
from accounts.words import KINDS
from chassis.access import allowed
from chassis.database import Reading
from chassis.days import read_day
from chassis.paging import MOST, Page, page_of, read_cursor
from chassis.runtime import query, runtime
from contracts.rest import person_names, task_titles
from contracts.roles import BOOKKEEPERS

pages = Blueprint("day", __name__)


@dataclass(frozen=True)
class Seen:
    """A day with those who are, or would be, paid for it; `amount` is that of all of them."""

    day: BusinessDay
    paid: Page[Payment]
    popugs: int
    amount: int
    progress: days.Progress | None
    late: Sequence[LateEntry]


@pages.get("/days/<day>")
@allowed(*BOOKKEEPERS)
def one_day(day: str) -> str:
    """Whom the day pays, and how much. Raises NotADay, DayInTheFuture."""
    seen = query(_look, read_day(day), read_cursor(request.args.get("after"), int, str))
    people = [payment.user_id for payment in seen.paid.items]
    people += [seen.day.closed_by or "", *(entry.user_id for entry in seen.late)]
    return render_template(
        "accounts/day.html",
        seen=seen,
        statuses=STATUSES,
        closers=CLOSERS,
        kinds=KINDS,
        names=person_names(runtime.remote, [one for one in people if one not in CLOSERS]),
        titles=task_titles(runtime.remote, [entry.task_id for entry in seen.late]),
    )


def _look(reading: Reading, day: date, after: Any) -> Seen:
    if day > reading.today:
        raise calendar_rules.DayInTheFuture(day)
    late = late_entries_of(reading, day, MOST)
    dues = forecast.forecast(reading, day) if _is_open(reading, day) else []
    # Once more: on a server it may have closed meanwhile. What is open now was so before.
    known = days.business_day(reading, day)
    if known.status == calendar_rules.OPEN:
        due = dues[-1]
        rows = [Payment(user_id, amount) for user_id, amount in due.largest_first()]
        rest = [row for row in rows if after is None or _place(row) > (-after[0], after[1])]
        paid = page_of(rest[: MOST + 1], MOST, _cursor)
        return Seen(known, paid, len(rows), due.amount, None, late)
    paid = page_of(days.payments(reading, day, after, MOST + 1), MOST, _cursor)
    progress = days.progress(reading, day)
    return Seen(known, paid, known.payouts, known.amount, progress, late)


def _is_open(reading: Reading, day: date) -> bool:
    return days.business_day(reading, day).status == calendar_rules.OPEN


def _place(payment: Payment) -> tuple[int, str]:
    return -payment.amount, payment.user_id


def _cursor(payment: Payment) -> tuple[int, str]:
    return payment.amount, payment.user_id

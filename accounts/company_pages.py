"""The company's days as management sees them, and closing of days for bookkeepers."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import format_date, ngettext
from flask_babel import lazy_gettext as _l

from accounts import calendar_rules, closing, company_days, days, forecast
from accounts.calendar_rules import CompanyDay
from accounts.forecast import Due
from accounts.late_entries import newest_late_entries
from accounts.words import KINDS
from chassis.access import allowed, current_user
from chassis.clock import business_day
from chassis.database import Reading
from chassis.days import NotADay, WrongRange, asked_range, read_day
from chassis.paging import DEFAULT_LIMIT, read_cursor
from chassis.runtime import query, runtime
from contracts.rest import person_names, task_titles
from contracts.roles import ACCOUNTANT, ADMIN, BOOKKEEPERS, MANAGER

pages = Blueprint("company", __name__)

LATE_SHOWN = 50
STATUSES = {
    calendar_rules.OPEN: (_l("open"), "info"),
    calendar_rules.CLOSING: (_l("closing"), "warning"),
    calendar_rules.CLOSED: (_l("closed"), "success"),
}
CLOSERS = {
    calendar_rules.THE_CLOCK: _l("by the clock"),
    calendar_rules.THE_COMMAND_LINE: _l("from the command line"),
}


@pages.get("/company")
@allowed(MANAGER, ACCOUNTANT, ADMIN)
def company() -> Any:
    """What each business day brought the company, in a range of days."""
    asked = {name: request.args.get(name, "") for name in ("from", "to")}
    refused = ""
    try:
        first, last = asked_range(_day_or_none(asked["from"]), _day_or_none(asked["to"]), _today())
    except (NotADay, WrongRange) as wrong:
        refused = str(wrong.detail)
    rows = [] if refused else query(company_days.days_between, first, last)
    shown = asked if refused else {"from": first.isoformat(), "to": last.isoformat()}
    page = render_template(
        "accounts/company.html",
        rows=tuple(reversed(rows)),
        total=_total(rows),
        shown=shown,
        refused=refused,
    )
    return page, 422 if refused else 200


@pages.get("/days")
@allowed(*BOOKKEEPERS)
def list_days() -> str:
    """Business days with what was paid for each, and entries that came late."""
    cursor = read_cursor(request.args.get("after"), str)
    before = read_day(cursor[0]) if cursor else None
    page = query(days.recorded_days, before, DEFAULT_LIMIT)
    late = [] if cursor else query(newest_late_entries, LATE_SHOWN)
    people = [day.closed_by for day in page.items] + [entry.user_id for entry in late]
    return render_template(
        "accounts/days.html",
        page=page,
        night=None if cursor else query(_night),
        late=late,
        statuses=STATUSES,
        closers=CLOSERS,
        kinds=KINDS,
        names=person_names(runtime.remote, [one for one in people if one not in CLOSERS]),
        titles=task_titles(runtime.remote, [entry.task_id for entry in late]),
    )


@pages.get("/days/<day>/close")
@allowed(*BOOKKEEPERS)
def ask_to_close(day: str) -> str:
    """What closing the day would do."""
    return render_template(
        "accounts/close_day.html", **query(_what_closing_would_do, read_day(day))
    )


@pages.post("/days/<day>/close")
@allowed(*BOOKKEEPERS)
def close_day(day: str) -> Any:
    """Close the day and every earlier open one."""
    closed = closing.close_day(runtime.database, read_day(day), current_user.user_id)
    flash(
        ngettext(
            "%(day)s is closed: %(num)d payout.",
            "%(day)s is closed: %(num)d payouts.",
            closed.payouts,
            day=format_date(closed.date, "medium", rebase=False),
        ),
        "success",
    )
    return redirect(url_for("company.list_days"), 303)


@dataclass(frozen=True)
class Night:
    """Open days, newest first, with what closing them would pay; nights that were missed.

    `tonight` is None where today is closed already; `ends_at` is when today is over.
    """

    open_days: list[date]
    due: dict[date, Due]
    tonight: Due | None
    missed: list[date]
    ends_at: datetime


def _night(reading: Reading) -> Night:
    open_days = days.open_days(reading)
    used = days.state(reading).used
    zone = reading.settings.zone
    due = {due.date: due for due in forecast.forecast(reading, reading.today)}
    return Night(
        open_days,
        due,
        due.get(reading.today) if reading.today in open_days else None,
        [day for day in open_days if used and day < reading.today],
        datetime.combine(reading.today + timedelta(days=1), time(), zone),
    )


def _what_closing_would_do(reading: Reading, day: date) -> dict[str, Any]:
    if day > reading.today:
        raise calendar_rules.DayInTheFuture(day)
    due = forecast.forecast(reading, day)
    return {
        # Last: on a server it may have closed meanwhile, and then nothing is due.
        "day": days.business_day(reading, day),
        "is_today": day == reading.today,
        "earlier": [each for each in days.open_days(reading) if each < day],
        "due": due,
    }


def _today() -> date:
    return business_day(runtime.clock.now(), runtime.settings.zone)


def _day_or_none(text: str) -> date | None:
    return read_day(text) if text else None


def _total(rows: list[CompanyDay]) -> dict[str, int]:
    return {
        name: sum(getattr(row, name) for row in rows)
        for name in ("fees", "rewards", "earned", "payouts", "corrected")
    }

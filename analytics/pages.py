"""The page of analytics: figures, charts and tables for a range of days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask_babel import gettext as _

from analytics import charts, models
from analytics.domain import (
    DAY,
    MONTH,
    PERIODS,
    WEEK,
    Day,
    Range,
    Worked,
    every_day,
    period_around,
    priciest,
)
from chassis.access import allowed
from chassis.clock import business_day
from chassis.database import Reading
from chassis.days import NotADay, WrongRange, asked_range, read_day
from chassis.runtime import query, runtime
from chassis.security import IMAGE_SECURITY_POLICY
from contracts.rest import task_titles
from contracts.roles import MANAGEMENT

pages = Blueprint("pages", __name__)


@dataclass(frozen=True)
class Top:
    """The priciest task of a period; amounts in cents."""

    label: str
    task_id: str | None
    reward: int | None


@pages.get("/")
@allowed(*MANAGEMENT)
def overview() -> Any:
    """Today's figures, and what each day of a range brought."""
    today = _today()
    typed = {name: request.args.get(name, "") for name in ("from", "to")}
    asked, refused = Range(today, today), ""
    try:
        asked = _asked(today)
    except (NotADay, WrongRange) as wrong:
        refused = str(wrong.detail)
    rows, tops, todays = query(_figures, None if refused else asked)
    ids = [row.top_task_id for row in rows] + [top.task_id for top in tops]
    titles = task_titles(runtime.remote, ids)
    shown = typed if refused else {"from": asked.first.isoformat(), "to": asked.last.isoformat()}
    page = render_template(
        "analytics/overview.html",
        today=todays,
        tops=tuple((top, titles[top.task_id] if top.task_id else "") for top in tops),
        rows=tuple((row, titles[row.top_task_id] if row.top_task_id else "") for row in rows[::-1]),
        profit=sum(row.profit for row in rows),
        presets=_presets(today),
        shown=shown,
        refused=refused,
    )
    return page, 422 if refused else 200


@pages.get("/charts/profit.svg")
@allowed(*MANAGEMENT)
def profit_chart() -> Response:
    """What management earned by day, as an image."""
    return _image(charts.profit_chart(_rows()))


@pages.get("/charts/losers.svg")
@allowed(*MANAGEMENT)
def losers_chart() -> Response:
    """Popugs in the negative by day, as an image."""
    return _image(charts.losers_chart(_rows()))


def _today() -> date:
    return business_day(runtime.clock.now(), runtime.settings.zone)


def _figures(reading: Reading, asked: Range | None) -> tuple[list[Day], list[Top], Day]:
    """The days asked for, the priciest tasks, and today."""
    today = Range(reading.today, reading.today)
    periods = [period_around(reading.today, period, reading.today) for period in PERIODS]
    worked = models.worked(reading, *periods, *([asked] if asked else []))
    rows = every_day(asked, worked, models.changes_in(reading, asked)) if asked else []
    if rows and rows[-1].date == reading.today:
        todays = rows[-1]
    else:
        (todays,) = every_day(today, worked, models.changes_in(reading, today))
    tops = [_top(worked, period, span) for period, span in zip(PERIODS, periods, strict=True)]
    return rows, tops, todays


def _image(svg: bytes) -> Response:
    response = Response(svg, mimetype="image/svg+xml")
    response.headers["Content-Security-Policy"] = IMAGE_SECURITY_POLICY
    return response


def _rows() -> list[Day]:
    return query(lambda reading: models.figures(reading, _asked(reading.today)))


def _asked(today: date) -> Range:
    """The range in the address. Raises NotADay, WrongRange."""
    ends = [request.args.get(name) for name in ("from", "to")]
    first, last = (read_day(end) if end else None for end in ends)
    return Range(*asked_range(first, last, today))


def _presets(today: date) -> list[tuple[str, str, str]]:
    """Ranges to pick: name, first and last day."""
    firsts = [
        (_("Today"), today),
        (_("7 days"), today - timedelta(days=6)),
        (_("30 days"), today - timedelta(days=29)),
        (_("This month"), today.replace(day=1)),
    ]
    return [(name, first.isoformat(), today.isoformat()) for name, first in firsts]


def _top(worked: Mapping[date, Worked], period: str, span: Range) -> Top:
    labels = {DAY: _("Today"), WEEK: _("This week"), MONTH: _("This month")}
    found = priciest(worked, span)
    return Top(labels[period], found.top_task_id, found.top_reward)

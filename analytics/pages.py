"""The page of analytics: figures, charts and tables for a range of days."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask_babel import gettext as _

from analytics import charts, models
from analytics.domain import DAY, MONTH, PERIODS, WEEK, Day, Range, period_around
from chassis.access import allowed
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
    today = query(lambda reading: reading.today)
    typed = {name: request.args.get(name, "") for name in ("from", "to")}
    asked, refused = Range(today, today), ""
    try:
        asked = _asked(today)
    except (NotADay, WrongRange) as wrong:
        refused = str(wrong.detail)
    rows = [] if refused else query(models.figures, asked)
    tops = query(_tops)
    ids = [row.top_task_id for row in rows] + [top.task_id for top in tops]
    shown = typed if refused else {"from": asked.first.isoformat(), "to": asked.last.isoformat()}
    page = render_template(
        "analytics/overview.html",
        today=query(models.figures, Range(today, today))[0],
        tops=tops,
        rows=rows[::-1],
        profit=sum(row.profit for row in rows),
        titles=task_titles(runtime.remote, ids),
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


def _tops(reading: Reading) -> list[Top]:
    labels = {DAY: _("Today"), WEEK: _("This week"), MONTH: _("This month")}
    return [
        Top(
            labels[period],
            *models.priciest(reading, period_around(reading.today, period, reading.today)),
        )
        for period in PERIODS
    ]

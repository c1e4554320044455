"""The REST side of analytics."""

import datetime
from typing import Any, Literal

from flask_babel import lazy_gettext as _l
from pydantic import BaseModel, ConfigDict, Field

from analytics import models
from analytics.domain import DAY, Day, Range, period_around, priciest
from chassis.access import allowed
from chassis.database import Reading
from chassis.days import DaysQuery, WrittenDay, asked_range, read_day
from chassis.openapi import Api
from chassis.paging import page_of, read_cursor
from chassis.refusals import Problem
from chassis.runtime import query as look
from contracts.roles import MANAGEMENT

api = Api("analytics", "What UberPopug Inc. earns")

# A field is named `date`, which would hide the type.
CalendarDay = datetime.date


class DayOut(BaseModel):
    """One day; amounts in cents. `losers` popugs ended it in the negative."""

    date: CalendarDay
    profit: int
    losers: int
    task_top_id: str | None
    task_top_reward: int | None


class DaysOut(BaseModel):
    """Days, oldest first."""

    items: list[DayOut]
    next: str | None


class TopTaskQuery(BaseModel):
    """The period around a day (default: today), or from–to instead of both."""

    model_config = ConfigDict(extra="forbid", validate_by_alias=True)

    period: Literal["day", "week", "month"] | None = None
    date: WrittenDay | None = None
    first: WrittenDay | None = Field(None, alias="from")
    last: WrittenDay | None = Field(None, alias="to")


class TopTaskOut(BaseModel):
    """The priciest task closed in the days from–to; null where none was."""

    model_config = ConfigDict(serialize_by_alias=True)

    first: CalendarDay = Field(alias="from")
    last: CalendarDay = Field(alias="to")
    task_id: str | None
    reward: int | None


@api.get("/days")
@allowed(*MANAGEMENT)
@api.describe(answer=DaysOut)
def list_days(query: DaysQuery) -> Any:
    """What each day brought, a row per calendar day."""
    cursor = read_cursor(query.after, str)
    after = read_day(cursor[0]) if cursor else CalendarDay.min
    rows = look(_figures, query.first, query.last)
    rows = [row for row in rows if row.date > after or not cursor]
    page = page_of(rows[: query.limit + 1], query.limit, lambda row: [row.date.isoformat()])
    items = [
        DayOut(
            date=row.date,
            profit=row.profit,
            losers=row.losers,
            task_top_id=row.top_task_id,
            task_top_reward=row.top_reward,
        )
        for row in page.items
    ]
    return DaysOut(items=items, next=page.next)


@api.get("/top-task")
@allowed(*MANAGEMENT)
@api.describe(answer=TopTaskOut)
def top_task(query: TopTaskQuery) -> Any:
    """The priciest task closed in a day, week, month or any range."""
    return look(_top_task, query)


def _figures(reading: Reading, first: CalendarDay | None, last: CalendarDay | None) -> list[Day]:
    return models.figures(reading, Range(*asked_range(first, last, reading.today)))


def _top_task(reading: Reading, query: TopTaskQuery) -> TopTaskOut:
    if query.first or query.last:
        if query.period or query.date:
            raise Problem(422, _l("Give either a period with a date, or from and to."))
        asked = Range(*asked_range(query.first, query.last, reading.today))
    else:
        day = query.date or reading.today
        asked = period_around(day, query.period or DAY, reading.today)
    top = priciest(models.worked(reading, asked), asked)
    return TopTaskOut.model_validate(
        {
            "from": asked.first,
            "to": asked.last,
            "task_id": top.top_task_id,
            "reward": top.top_reward,
        }
    )

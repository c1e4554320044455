"""The payout report of a range of days over REST: JSON, CSV and XLSX of the same rows."""

import datetime

from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from billing import ranges
from billing.api import api
from billing.reports_api import ReportLineOut, TotalOut
from chassis.access import allowed
from chassis.database import Reading
from chassis.days import DaysQuery, WrittenDay, asked_range, read_day
from chassis.paging import page_of, read_cursor
from chassis.runtime import query as look
from chassis.runtime import runtime
from chassis.spreadsheets import CSV, XLSX, as_csv, as_xlsx, download
from contracts.roles import ACCOUNTANT, ADMIN

CalendarDay = datetime.date


class RangeQuery(BaseModel):
    """From–to, at most 400 days; without them the last 30 days up to today."""

    model_config = ConfigDict(extra="forbid", validate_by_alias=True)

    first: WrittenDay | None = Field(None, alias="from")
    last: WrittenDay | None = Field(None, alias="to")


class DatedLineOut(ReportLineOut):
    """One payout, with the business day that it is for."""

    date: CalendarDay


class RangeOut(BaseModel):
    """Payouts of a range, oldest day first, page by page; totals are those of all pages."""

    model_config = ConfigDict(serialize_by_alias=True)

    first: CalendarDay = Field(alias="from")
    last: CalendarDay = Field(alias="to")
    currency: str
    items: list[DatedLineOut]
    totals: list[TotalOut]
    next: str | None


@api.get("/reports")
@allowed(ACCOUNTANT, ADMIN)
@api.describe(answer=RangeOut)
def range_report(query: DaysQuery) -> RangeOut:
    """The report of a range as JSON."""
    first, last = look(_asked, query.first, query.last)
    cursor = read_cursor(query.after, str, str)
    after = (read_day(cursor[0]), cursor[1]) if cursor else None
    some = look(ranges.payouts_between, first, last, after, query.limit + 1)
    page = page_of(some, query.limit, lambda payout: (payout.date.isoformat(), payout.id))
    return RangeOut(
        **{"from": first, "to": last},
        currency=runtime.settings.currency,
        items=[DatedLineOut.of(line) for line in ranges.named(list(page.items))],
        totals=[
            TotalOut.model_validate(total, from_attributes=True)
            for total in look(ranges.totals_between, first, last)
        ],
        next=page.next,
    )


@api.get("/reports.csv")
@allowed(ACCOUNTANT, ADMIN)
@api.describe(file=True)
def range_csv(query: RangeQuery) -> Response:
    """The report of a range as CSV (UTF-8 with BOM)."""
    first, last = look(_asked, query.first, query.last)
    rows = ranges.file_rows(first, last, runtime.settings.currency)
    return download(as_csv(rows), CSV, f"payouts-{first}-{last}.csv")


@api.get("/reports.xlsx")
@allowed(ACCOUNTANT, ADMIN)
@api.describe(file=True)
def range_xlsx(query: RangeQuery) -> Response:
    """The report of a range as an Excel workbook."""
    first, last = look(_asked, query.first, query.last)
    rows = ranges.file_rows(first, last, runtime.settings.currency)
    file = as_xlsx(f"{first} {last}", ranges.WIDTHS, rows)
    return download(file, XLSX, f"payouts-{first}-{last}.xlsx")


def _asked(
    reading: Reading, first: CalendarDay | None, last: CalendarDay | None
) -> tuple[CalendarDay, CalendarDay]:
    return asked_range(first, last, reading.today)

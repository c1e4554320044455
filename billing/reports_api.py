"""The day's payout report over REST: JSON, CSV and XLSX of the same rows (rule 16)."""

from dataclasses import asdict
from datetime import date
from typing import Self

from flask import Response
from pydantic import BaseModel

from billing import reports
from billing.api import api
from billing.domain import PayoutStatus
from chassis.access import allowed
from chassis.runtime import query, runtime
from chassis.spreadsheets import CSV, XLSX, as_csv, as_xlsx, download
from contracts.roles import ACCOUNTANT, ADMIN


class ReportLineOut(BaseModel):
    """One payout of the day; `amount` is cents, `name` as auth has it now."""

    payout_id: str
    user_id: str
    name: str
    amount: int
    currency: str
    status: PayoutStatus
    gateway_ref: str | None
    reason: str | None

    @classmethod
    def of(cls, line: reports.Line) -> Self:
        """As it goes out."""
        return cls(**{**asdict(line.payout), "payout_id": line.payout.id, "name": line.name})


class TotalOut(BaseModel):
    """Count and sum (cents) of one status; `status` null: of all."""

    status: PayoutStatus | None
    count: int
    amount: int


class ReportOut(BaseModel):
    """The payout report of one business day, by name."""

    date: date
    currency: str
    items: list[ReportLineOut]
    totals: list[TotalOut]


def report_of(day: str) -> reports.Report:
    """The report of the day that this text names. Raises NotADay, DayToCome."""
    return reports.report(*query(reports.read_payouts, day), runtime.remote)


def _out(content: reports.Report) -> ReportOut:
    return ReportOut(
        date=content.day,
        currency=content.currency,
        items=[ReportLineOut.of(line) for line in content.lines],
        totals=[TotalOut.model_validate(t, from_attributes=True) for t in content.totals],
    )


@api.get("/reports/<day>")
@allowed(ACCOUNTANT, ADMIN)
@api.describe(answer=ReportOut)
def report(day: str) -> ReportOut:
    """The day's report as JSON."""
    return _out(report_of(day))


@api.get("/reports/<day>.json")
@allowed(ACCOUNTANT, ADMIN)
@api.describe(answer=ReportOut)
def report_json(day: str) -> ReportOut:
    """The day's report as JSON."""
    return _out(report_of(day))


@api.get("/reports/<day>.csv")
@allowed(ACCOUNTANT, ADMIN)
@api.describe(file=True)
def report_csv(day: str) -> Response:
    """The day's report as CSV (UTF-8 with BOM)."""
    content = report_of(day)
    return download(as_csv(reports.rows(content)), CSV, f"payouts-{content.day}.csv")


@api.get("/reports/<day>.xlsx")
@allowed(ACCOUNTANT, ADMIN)
@api.describe(file=True)
def report_xlsx(day: str) -> Response:
    """The day's report as an Excel workbook."""
    content = report_of(day)
    file = as_xlsx(content.day.isoformat(), reports.WIDTHS, reports.rows(content))
    return download(file, XLSX, f"payouts-{content.day}.xlsx")

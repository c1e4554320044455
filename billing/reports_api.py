"""The day's payout report over REST: JSON, CSV and XLSX of the same rows (rule 16)."""

from datetime import date

from flask import Response
from pydantic import BaseModel

from billing import reports
from billing.api import api
from billing.domain import PayoutStatus
from chassis.access import allowed
from chassis.runtime import query, runtime
from contracts.roles import ACCOUNTANT, ADMIN

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


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
        items=[
            ReportLineOut(
                payout_id=line.payout.id,
                name=line.name,
                user_id=line.payout.user_id,
                amount=line.payout.amount,
                currency=line.payout.currency,
                status=line.payout.status,
                gateway_ref=line.payout.gateway_ref,
                reason=line.payout.reason,
            )
            for line in content.lines
        ],
        totals=[TotalOut.model_validate(t, from_attributes=True) for t in content.totals],
    )


def _file(content: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, content_type=kind, headers=headers)


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
@api.describe()
def report_csv(day: str) -> Response:
    """The day's report as CSV (UTF-8 with BOM)."""
    content = report_of(day)
    return _file(reports.as_csv(content), CSV, f"payouts-{content.day}.csv")


@api.get("/reports/<day>.xlsx")
@allowed(ACCOUNTANT, ADMIN)
@api.describe()
def report_xlsx(day: str) -> Response:
    """The day's report as an Excel workbook."""
    content = report_of(day)
    return _file(reports.as_xlsx(content), XLSX, f"payouts-{content.day}.xlsx")

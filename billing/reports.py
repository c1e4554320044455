"""The payout report of one day: who, how much, status, gateway reference (rule 16).

One `Report` is what the page shows, what the API answers and what the files hold.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import xlsxwriter
from flask_babel import gettext as _

from billing import listing
from billing.domain import DayToCome, Payout, PayoutStatus
from billing.words import STATUSES
from chassis.database import Reading
from chassis.days import read_day
from chassis.remote import Remote
from contracts.rest import person_names

BOM = "\ufeff"
# Spreadsheets take a cell that begins with one of these for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Line:
    """One payout and whose it is."""

    payout: Payout
    name: str


@dataclass(frozen=True)
class Total:
    """How many payouts of one status, and their sum in cents; None: of all."""

    status: PayoutStatus | None
    count: int
    amount: int


@dataclass(frozen=True)
class Report:
    """All payouts of one business day, by name, and their totals."""

    day: date
    currency: str
    lines: list[Line]
    totals: list[Total]


def read_payouts(reading: Reading, day: str) -> tuple[date, str, list[Payout]]:
    """The day, the company's currency, and the day's payouts. Raises NotADay, DayToCome."""
    wanted = read_day(day)
    if wanted > reading.today:
        raise DayToCome
    return wanted, reading.settings.currency, listing.payouts_of_day(reading, wanted)


def report(day: date, currency: str, payouts: list[Payout], remote: Remote) -> Report:
    """The report, with names asked of auth."""
    names = person_names(remote, {payout.user_id for payout in payouts})
    return make_report(day, currency, payouts, names)


def make_report(
    day: date, currency: str, payouts: Iterable[Payout], names: Mapping[str, str]
) -> Report:
    """The report from its parts."""
    lines = [Line(payout, names[payout.user_id]) for payout in payouts]
    lines.sort(key=lambda line: (line.name.casefold(), line.payout.id))
    return Report(day, currency, lines, _totals([line.payout for line in lines]))


def _totals(payouts: list[Payout]) -> list[Total]:
    by_status = [
        Total(status, len(amounts), sum(amounts))
        for status in PayoutStatus
        if (amounts := [p.amount for p in payouts if p.status is status])
    ]
    return [*by_status, Total(None, len(payouts), sum(p.amount for p in payouts))]


def headings() -> list[str]:
    """The names of the columns."""
    return [_("Who"), _("Amount"), _("Currency"), _("Status"), _("Gateway reference"), _("Reason")]


def total_name(total: Total) -> str:
    """What a line of totals is about."""
    word = _("all") if total.status is None else str(STATUSES[total.status][0])
    return f"{_('Total')}: {word} ({total.count})"


def rows(content: Report) -> Iterable[list[str | Decimal]]:
    """The cells below the headings: a row per payout, then a row per total."""
    for line in content.lines:
        payout = line.payout
        yield [
            line.name,
            units(payout.amount),
            payout.currency,
            str(STATUSES[payout.status][0]),
            payout.gateway_ref or "",
            payout.reason or "",
        ]
    for total in content.totals:
        yield [total_name(total), units(total.amount), content.currency, "", "", ""]


def units(cents: int) -> Decimal:
    """Cents as a number of whole units with two decimals."""
    return Decimal(cents).scaleb(-2)


def as_csv(content: Report) -> bytes:
    """The report as CSV that spreadsheets open as it is: UTF-8 with BOM, no formulas."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_harmless(cell) for cell in headings()])
    for row in rows(content):
        writer.writerow([_harmless(cell) for cell in row])
    return (BOM + text.getvalue()).encode()


def _harmless(cell: str | Decimal) -> str:
    text = str(cell)
    risky = isinstance(cell, str) and text.startswith(FORMULA_STARTS)
    return f"'{text}" if risky else text


def as_xlsx(content: Report) -> bytes:
    """The report as a workbook of one sheet; amounts are numbers, texts never formulas."""
    file = io.BytesIO()
    # Row after row goes to a temporary file, so that memory does not grow with the report.
    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        sheet = book.add_worksheet(content.day.isoformat())
        bold, money = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
        sheet.set_column(0, 0, 32)
        sheet.set_column(1, 5, 20)
        for column, title in enumerate(headings()):
            sheet.write_string(0, column, title, bold)
        for number, row in enumerate(rows(content), start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, Decimal):
                    sheet.write_number(number, column, float(cell), money)
                elif cell:
                    sheet.write_string(number, column, cell)
    return file.getvalue()

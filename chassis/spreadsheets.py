"""Files for spreadsheets: CSV and XLSX of the same rows, however many there are.

A file is written aside first and sent when it is whole: a table that breaks off in the
middle would look like a shorter one. Beyond some megabytes it lies on disk, not in memory.
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import IO

import xlsxwriter
from flask import Response, send_file

# Texts stay texts; a Decimal becomes a number with two decimals, a date one that Excel knows.
Cell = str | Decimal | date

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BOM = "\ufeff"  # by which Excel knows that the file is UTF-8
# Spreadsheets take a cell that begins with one of these for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
IN_MEMORY_BYTES = 2_000_000


def units(cents: int) -> Decimal:
    """Cents as a number of whole units with two decimals."""
    return Decimal(cents).scaleb(-2)


def as_csv(rows: Iterable[Sequence[Cell]]) -> IO[bytes]:
    """Rows as CSV that spreadsheets open as it is: UTF-8 with BOM, no formulas."""
    file = _aside()
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    text.write(BOM)
    csv.writer(text).writerows([_harmless(cell) for cell in row] for row in rows)
    text.detach()
    return file


def _harmless(cell: Cell) -> str:
    text = str(cell)
    risky = isinstance(cell, str) and text.startswith(FORMULA_STARTS)
    return f"'{text}" if risky else text


def as_xlsx(title: str, widths: Sequence[int], rows: Iterable[Sequence[Cell]]) -> IO[bytes]:
    """Rows, the headings first, as a workbook of one sheet; texts are never formulas.

    `widths` are those of the columns, in characters.
    """
    file = _aside()
    # Row after row goes to a temporary file, so that memory does not grow with the report.
    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        sheet = book.add_worksheet(title)
        bold, money = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, Decimal):
                    sheet.write_number(number, column, float(cell), money)
                elif isinstance(cell, date):
                    sheet.write_datetime(number, column, cell, day)
                elif cell:
                    sheet.write_string(number, column, cell, *([] if number else [bold]))
    return file


def download(file: IO[bytes], kind: str, name: str) -> Response:
    """The file as an answer that a browser stores under this name."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size <= IN_MEMORY_BYTES:  # it never was on disk
        with file:
            file = io.BytesIO(file.read())
    answer = send_file(file, kind, as_attachment=True, download_name=name, max_age=0)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _aside() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)

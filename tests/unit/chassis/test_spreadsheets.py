"""Files for spreadsheets: nothing is a formula, and memory does not grow with the rows."""

import tracemalloc
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import IO

import pytest

from chassis import spreadsheets
from chassis.spreadsheets import Cell
from tests.tables import csv_rows, xlsx_rows

MEGABYTE = 1_000_000


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    content = file.read()
    file.close()
    return content


def test_amounts_days_and_texts_are_written_as_what_they_are() -> None:
    rows: list[list[Cell]] = [["Day", "Sum"], [date(2026, 3, 9), Decimal("-12.50")], ["Я", ""]]
    content = _read(spreadsheets.as_csv(rows))
    assert csv_rows(content) == [["Day", "Sum"], ["2026-03-09", "-12.50"], ["Я", ""]]
    sheet = xlsx_rows(_read(spreadsheets.as_xlsx("x", [9, 9], rows)), "AB")
    assert sheet == [["Day", "Sum"], [46090.0, -12.5], ["Я", ""]]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "-x"])
def test_a_text_that_spreadsheets_would_work_out_is_marked_in_csv(text: str) -> None:
    assert csv_rows(_read(spreadsheets.as_csv([[text]]))) == [[f"'{text}"]]
    sheet = xlsx_rows(_read(spreadsheets.as_xlsx("x", [9], [["Head"], [text]])), "A")
    assert sheet[1] == [text.replace("\r", "_x000D_")]  # as Office Open XML writes it


def test_amounts_are_exact_as_far_as_anybody_can_be_paid() -> None:
    most = 9_000_000_000_000
    rows: list[list[Cell]] = [["x"]]
    rows += [[spreadsheets.units(most - n)] for n in range(100)]
    sheet = xlsx_rows(_read(spreadsheets.as_xlsx("x", [9], rows)), "A")
    assert [round(float(row[0]) * 100) for row in sheet[1:]] == [most - n for n in range(100)]


@pytest.mark.parametrize(
    "write",
    [spreadsheets.as_csv, lambda rows: spreadsheets.as_xlsx("x", [9, 9, 9], rows)],
    ids=["csv", "xlsx"],
)
def test_memory_does_not_grow_with_the_rows(
    write: Callable[[Iterator[list[Cell]]], IO[bytes]],
) -> None:
    def rows() -> Iterator[list[Cell]]:
        for number in range(30_000):
            yield [f"somebody by the name of {number:010}", Decimal(number), "x" * 100]

    tracemalloc.start()
    try:
        file = write(rows())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    size = file.seek(0, 2)
    file.close()
    assert peak < 4 * MEGABYTE, f"{peak:,} bytes of memory for a file of {size:,}"

"""Reads tables back as anybody else would: from a page, a CSV file, a workbook."""

import csv
import io
import re
import zipfile
from html.parser import HTMLParser
from xml.etree import ElementTree

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def csv_rows(content: bytes) -> list[list[str]]:
    """The rows of a CSV file, which must begin with the mark by which Excel knows UTF-8."""
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def xlsx_rows(content: bytes, columns: str) -> list[list[str | float]]:
    """The rows of a workbook's only sheet; numbers are numbers, and no cell is a formula."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert not list(sheet.iter(f"{SHEET}f"))
    found: list[list[str | float]] = []
    for row in sheet.iter(f"{SHEET}row"):
        cells: dict[str, str | float] = {}
        for cell in row.iter(f"{SHEET}c"):
            column = re.sub(r"[0-9]", "", cell.attrib["r"])
            if cell.attrib.get("t") == "inlineStr":
                cells[column] = "".join(t.text or "" for t in cell.iter(f"{SHEET}t"))
            else:
                cells[column] = float(cell.findtext(f"{SHEET}v") or "nan")
        found.append([cells.get(column, "") for column in columns])
    return found


def page_rows(page: str) -> list[list[str]]:
    """The cells of all tables' bodies on a page, as text."""
    reader = _TableReader()
    reader.feed(page)
    return reader.rows


def cents(shown: str) -> int:
    """An amount as a page or a file writes it, in cents; minus may be written in two ways."""
    digits = int(re.sub(r"\D", "", shown))
    return -digits if re.search(r"[-\u2212]", shown) else digits


class _TableReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self._in_body = self._in_cell = False

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        if tag == "tbody":
            self._in_body = True
        elif tag == "tr" and self._in_body:
            self.rows.append([])
        elif tag == "td" and self._in_body:
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "tbody":
            self._in_body = False
        elif tag == "td" and self._in_cell:
            self.rows[-1][-1] = " ".join(self.rows[-1][-1].split(" ")).strip(" \n")
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data

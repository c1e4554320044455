"""A pay slip as PDF: one or more A4 pages in the reader's language, whose text can be taken out.

The core fonts of PDF know no Cyrillic, so the letters used are embedded (see `fonts/LICENSE`).
"""

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, cast

from flask_babel import gettext as _
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, XPos, YPos

from chassis.languages import day as day_words
from chassis.languages import moment, money

if TYPE_CHECKING:
    from accounts.payslip_pages import Line, Sheet

FONT, BOLD = "DejaVu", "B"
MARGIN_MM, TITLE_POINTS, TEXT_POINTS = 18, 16, 9
# What, when, sum, in millimetres: together as wide as the page between its margins.
COLUMNS_MM = (100, 44, 30)
LINE_MM = 5.5
GREY = 90


class _Paper(FPDF):
    """A4 with the number of each page at its foot."""

    def footer(self) -> None:
        self.set_y(-MARGIN_MM)
        self.set_font(FONT, size=TEXT_POINTS - 1)
        self.set_text_color(GREY)
        self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="R")


def write(sheet: "Sheet", language: str, now: datetime) -> bytes:
    """The pay slip as PDF, in the language that texts are in at the moment."""
    slip = sheet.slip
    title = _("Pay slip of %(day)s", day=day_words(slip.day))
    paper = _paper(title, language, now)
    _say(paper, title, TITLE_POINTS, BOLD)
    _say(paper, sheet.name, TITLE_POINTS - 4)
    paper.ln(4)
    if sheet.carried:
        _table(paper, _("Carried over from earlier days"), sheet.carried)
    _table(paper, _("Booked on this day"), sheet.own)
    paper.ln(4)
    for name, cents, style in (
        (_("Carried over from earlier days"), slip.carried_sum, ""),
        (_("Booked on this day"), slip.own_sum, ""),
        (_("Paid for this day"), slip.paid, BOLD),
        (_("Carried over to the next day"), slip.left, ""),
    ):
        paper.set_font(FONT, style, TEXT_POINTS + 1)
        paper.cell(sum(COLUMNS_MM[:2]), 6, name)
        paper.cell(COLUMNS_MM[2], 6, money(cents), align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    if slip.returned_on:
        paper.ln(3)
        returned = _(
            "This payout was cancelled on %(day)s, and the money went back to the account.",
            day=day_words(slip.returned_on),
        )
        _say(paper, returned, TEXT_POINTS, BOLD)
    if slip.payout:
        paper.ln(3)
        _say(paper, _("Payout %(id)s", id=slip.payout.transaction_id), TEXT_POINTS - 1)
    return bytes(paper.output())


def _paper(title: str, language: str, now: datetime) -> FPDF:
    paper = _Paper(format="A4")
    for style, name in (("", "DejaVuSans.ttf"), (BOLD, "DejaVuSans-Bold.ttf")):
        with as_file(files("accounts") / "fonts" / name) as path:
            paper.add_font(FONT, style, path)
    paper.set_title(title)
    paper.set_lang(language)
    paper.set_creation_date(now)
    paper.set_margin(MARGIN_MM)
    paper.set_auto_page_break(True, MARGIN_MM + 6)
    paper.add_page()
    return paper


def _say(paper: FPDF, text: str, points: int, style: str = "") -> None:
    paper.set_font(FONT, style, points)
    paper.multi_cell(0, points / 2, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _table(paper: FPDF, title: str, lines: "Sequence[Line]") -> None:
    """What, when and sum of each line; the headings come again on each page.

    Drawn cell by cell: the library's own tables take ten times as long, and who was in debt
    for months has thousands of lines.
    """
    paper.ln(2)
    _say(paper, title, TEXT_POINTS + 2, BOLD)
    if not lines:
        _say(paper, _("Nothing."), TEXT_POINTS)
        return
    _headings(paper)
    for line in lines:
        _row(paper, _broken(paper, _words(line)), moment(line.when), money(line.sum))


def _headings(paper: FPDF) -> None:
    paper.set_font(FONT, BOLD, TEXT_POINTS)
    _cells(paper, [_("What")], _("When"), _("Sum"))
    paper.set_font(FONT, size=TEXT_POINTS)


def _row(paper: FPDF, words: list[str], when: str, amount: str) -> None:
    if paper.will_page_break(len(words) * LINE_MM):
        paper.add_page()
        _headings(paper)
    _cells(paper, words, when, amount)


def _cells(paper: FPDF, words: list[str], when: str, amount: str) -> None:
    """One row with a thin line below; the words may take several lines."""
    what_mm, when_mm, sum_mm = COLUMNS_MM
    top = paper.get_y()
    for text in words:
        paper.cell(what_mm, LINE_MM, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    bottom = paper.get_y()
    paper.set_xy(paper.l_margin + what_mm, top)
    paper.cell(when_mm, LINE_MM, when)
    paper.cell(sum_mm, LINE_MM, amount, align="R")
    paper.line(paper.l_margin, bottom, paper.l_margin + sum(COLUMNS_MM), bottom)
    paper.set_xy(paper.l_margin, bottom)


def _broken(paper: FPDF, text: str) -> list[str]:
    """The text in lines that fit the first column."""
    width = COLUMNS_MM[0] - 2 * paper.c_margin
    if "\n" not in text and paper.get_string_width(text) <= width:
        return [text]
    lines = paper.multi_cell(
        COLUMNS_MM[0], LINE_MM, text, dry_run=True, output=MethodReturnValue.LINES
    )
    return cast("list[str]", lines)


def _words(line: "Line") -> str:
    late = _("came late, of %(day)s", day=day_words(line.own_day)) if line.own_day else ""
    return "\n".join(part for part in (line.what, line.why, late) if part)

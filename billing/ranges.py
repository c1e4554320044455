"""The payouts of a range of days: the same rows on screen, page by page, and in files (rule 16).

They come oldest day first, in an order that no later payout changes. A file adds up what
stands in it, so that its totals are those of its rows even while payouts move on.
"""

from collections.abc import Iterator
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import and_, func, or_, select

from billing import reports
from billing.domain import Payout, PayoutStatus
from billing.models import as_id, payout_of, payouts
from billing.reports import Line, Tally, Total
from chassis.database import Reading
from chassis.runtime import query, runtime
from chassis.spreadsheets import Cell
from contracts.rest import person_names

ROWS_AT_ONCE = 500
# Of the columns, in characters: the day stands before those of a day's report.
WIDTHS = (12, *reports.WIDTHS)

# Day and id of the last payout seen.
Place = tuple[date, str]


def totals_between(reading: Reading, first: date, last: date) -> list[Total]:
    """Totals of the range by status, and of all."""
    rows = reading.execute(
        select(payouts.c.status, func.count(), func.sum(payouts.c.amount))
        .where(payouts.c.date.between(first, last))
        .group_by(payouts.c.status)
    )
    # MySQL answers sums as decimals.
    return reports.totals_of(
        {PayoutStatus(status): (count, int(amount)) for status, count, amount in rows}
    )


def payouts_between(
    reading: Reading, first: date, last: date, after: Place | None, most: int
) -> list[Payout]:
    """At most `most` payouts of the range, oldest day first."""
    wanted = select(payouts).where(payouts.c.date.between(first, last))
    if after is not None:
        same_day = and_(payouts.c.date == after[0], payouts.c.id > as_id(after[1]))
        wanted = wanted.where(or_(payouts.c.date > after[0], same_day))
    rows = reading.execute(wanted.order_by(payouts.c.date, payouts.c.id).limit(most))
    return [payout_of(row) for row in rows]


def named(some: list[Payout]) -> list[Line]:
    """These payouts with the names of whom they go to, as auth has them now."""
    names = person_names(runtime.remote, {payout.user_id for payout in some})
    return [Line(payout, names[payout.user_id]) for payout in some]


def file_rows(first: date, last: date, currency: str) -> Iterator[list[Cell]]:
    """The headings, a row per payout, then a row per total; read in pieces."""
    yield [_("Day"), *reports.headings()]
    tally, place = Tally(), None
    while some := query(payouts_between, first, last, place, ROWS_AT_ONCE):
        for line in named(some):
            tally.add(line.payout)
            yield [line.payout.date, *reports.cells(line)]
        place = (some[-1].date, some[-1].id)
    for row in reports.total_cells(tally.totals(), currency):
        yield ["", *row]

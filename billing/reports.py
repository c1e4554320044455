"""The payout report of one day: who, how much, status, gateway reference (rule 16).

One `Report` is what the page shows, what the API answers and what the files hold.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _

from billing import listing
from billing.domain import DayToCome, Payout, PayoutStatus
from billing.words import STATUSES, why
from chassis.database import Reading
from chassis.days import read_day
from chassis.remote import Remote
from chassis.spreadsheets import Cell, units
from contracts.rest import person_names

# Of the columns, in characters.
WIDTHS = (32, 20, 20, 20, 20, 20)


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
    tally = Tally()
    for line in lines:
        tally.add(line.payout)
    return Report(day, currency, lines, tally.totals())


def totals_of(sums: Mapping[PayoutStatus, tuple[int, int]]) -> list[Total]:
    """Totals by status, in the order of the statuses, and that of all; from count and cents."""
    by_status = [Total(status, *sums[status]) for status in PayoutStatus if status in sums]
    count, amount = (sum(pair[part] for pair in sums.values()) for part in (0, 1))
    return [*by_status, Total(None, count, amount)]


class Tally:
    """Adds payouts up by status as they come by."""

    def __init__(self) -> None:
        self.sums: dict[PayoutStatus, tuple[int, int]] = {}

    def add(self, payout: Payout) -> None:
        """Count this one too."""
        count, amount = self.sums.get(payout.status, (0, 0))
        self.sums[payout.status] = count + 1, amount + payout.amount

    def totals(self) -> list[Total]:
        """Totals of what came by so far."""
        return totals_of(self.sums)


def headings() -> list[str]:
    """The names of the columns."""
    return [_("Who"), _("Amount"), _("Currency"), _("Status"), _("Gateway reference"), _("Reason")]


def total_name(total: Total) -> str:
    """What a line of totals is about."""
    word = _("all") if total.status is None else str(STATUSES[total.status][0])
    return f"{_('Total')}: {word} ({total.count})"


def rows(content: Report) -> Iterator[list[Cell]]:
    """The headings, a row per payout, then a row per total."""
    yield list(headings())
    for line in content.lines:
        yield cells(line)
    yield from total_cells(content.totals, content.currency)


def total_cells(totals: Iterable[Total], currency: str) -> Iterator[list[Cell]]:
    """The rows at the end, one per total."""
    for total in totals:
        yield [total_name(total), units(total.amount), currency, "", "", ""]


def cells(line: Line) -> list[Cell]:
    """What stands below the headings for one payout."""
    payout = line.payout
    return [
        line.name,
        units(payout.amount),
        payout.currency,
        str(STATUSES[payout.status][0]),
        payout.gateway_ref or "",
        why(payout.reason) if payout.reason else "",
    ]

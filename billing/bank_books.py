"""Compares the payouts of some days with the gateways' own books, while somebody waits.

A book is read from the first of the days until shortly after the last change of any of the
payouts, and no longer than so many seconds. What a gateway has done to them later, against
all that we know, is for `popug reconcile`, which reads whole books.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day

from billing import claims, own_book
from billing.books import Asked, Books, Difference, Transfer
from billing.gateway import AnswerLost, BookLine
from billing.gateways import BOOKLESS, GATEWAYS
from billing.own_book import transfer_of
from billing.transfers import transfer_differences
from chassis.runtime import Runtime

KEYS_AT_ONCE = 500


class TooLong(AnswerLost):
    """The book is longer than anybody waits for."""


def differences(
    runtime: Runtime,
    days: tuple[date, date],
    asked: Sequence[Asked],
    grace: timedelta,
    most_seconds: float,
) -> list[Difference]:
    """Where the payouts of the days (first, last) and the gateways' books differ.

    `grace`: how much later than ours a gateway's clock may be. Raises AnswerLost.
    """
    zone = runtime.settings.zone
    since = datetime.combine(days[0], time_of_day.min, zone).astimezone(UTC)
    end = datetime.combine(days[1], time_of_day.max, zone).astimezone(UTC)
    until = max([end, *(payout.updated_at + grace for payout in asked)])
    lines = _in_time(_all_books(runtime, since, until), most_seconds)
    transfers, stray = _sorted_out(runtime, lines, {payout.keys[0] for payout in asked}, end)
    return transfer_differences(
        Books(asked=asked, transfers=transfers, stray=stray, bookless=BOOKLESS)
    )


def _all_books(runtime: Runtime, since: datetime, until: datetime) -> Iterator[BookLine]:
    """What all gateways that were used and show a book have done then."""
    used = runtime.database.read(own_book.gateways)
    for name in sorted(used & GATEWAYS.keys() - BOOKLESS.keys()):
        yield from GATEWAYS[name](runtime).book(since, until)


def _in_time(lines: Iterable[BookLine], most_seconds: float) -> Iterator[BookLine]:
    deadline = time.monotonic() + most_seconds
    for line in lines:
        if time.monotonic() > deadline:
            raise TooLong
        yield line


def _sorted_out(
    runtime: Runtime, lines: Iterable[BookLine], keys: Collection[str], end: datetime
) -> tuple[list[Transfer], list[Transfer]]:
    """The transfers of these payouts, by their first keys; and those until `end` of none at all."""
    settled = runtime.database.read(claims.settled)
    ours: list[Transfer] = []
    others: list[Transfer] = []
    stray: list[Transfer] = []
    for line in lines:
        # A payout that is retried at this moment has one more key than it had a moment ago.
        if line.key.partition(".")[0] in keys:
            ours.append(transfer_of(line, settled))
        elif line.at <= end:
            others.append(transfer_of(line, settled))
        if len(others) >= KEYS_AT_ONCE:
            stray += _unknown(runtime, others)
            others = []
    return ours, stray + _unknown(runtime, others)


def _unknown(runtime: Runtime, lines: Sequence[Transfer]) -> list[Transfer]:
    known = runtime.database.read(own_book.known_keys, {line.key for line in lines})
    return [line for line in lines if line.key not in known]

"""Gathers the four books of payouts for the page: a day at a time, over REST.

It is bounded: so many days, payouts and seconds. Of our own services accounts is asked last:
whatever the others have was booked before. Our own book is read first, and once more when all
have answered: what moved meanwhile is no difference (`standing`).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from billing import bank_books, own_book
from billing.agreement import differences
from billing.books import Asked, Booked, Books, Difference, Mailed
from billing.gateway import AnswerLost
from billing.gateways import BOOKLESS
from billing.standing import still_different
from chassis.remote import RemoteAway, RemoteRefused
from chassis.runtime import Runtime

T = TypeVar("T")

MOST_DAYS = 31
# For our own services' books, and as many for the banks'.
MOST_SECONDS = 10.0
MOST_PAYOUTS = 20_000
# Events take a moment, and clocks differ.
GRACE = timedelta(minutes=5)
ACCOUNTS, MAILER, BANK = "accounts", "mailer", "bank"
PATHS = {ACCOUNTS: "/api/v1/payouts", MAILER: "/api/v1/payout-mails"}


class TooManyPayouts(Exception):
    """A day has more payouts than are compared while somebody waits for the page."""


@dataclass
class Look:
    """What was found on the days `first` to `last`.

    `unread`: books that could not be read. `bookless`: gateways that were used and show none.
    """

    first: date
    last: date
    compared: int = 0
    found: list[Difference] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    bookless: set[str] = field(default_factory=set)


def look(runtime: Runtime, first: date, last: date) -> Look:
    """Compare the payouts of these days; of the first ones if time or room runs out.

    `last` of the answer is the last day that was looked at. Raises TooManyPayouts.
    """
    begun = time.monotonic()
    result = Look(first, first)
    asked: list[Asked] = []
    while True:
        books = _books_of(runtime, result.last, result.unread)
        asked += books.asked
        result.found += differences(books, runtime.clock.now(), GRACE)
        spent = time.monotonic() - begun
        if result.last == last or spent > MOST_SECONDS or len(asked) > MOST_PAYOUTS:
            break
        result.last += timedelta(days=1)
    result.compared = len(asked)
    result.bookless = {payout.gateway for payout in asked} & BOOKLESS.keys()
    try:
        days = (first, result.last)
        result.found += bank_books.differences(runtime, days, asked, GRACE, MOST_SECONDS)
    except AnswerLost:
        result.unread.add(BANK)
    if result.found:
        again = (runtime.database.read(own_book.asked, day) for day in _days(result))
        result.found = still_different(result.found, asked, [each for day in again for each in day])
    return result


def _days(result: Look) -> Iterator[date]:
    for number in range((result.last - result.first).days + 1):
        yield result.first + timedelta(days=number)


def _books_of(runtime: Runtime, day: date, unread: set[str]) -> Books:
    """The books of one day, but for the banks'."""
    asked = runtime.database.read(own_book.asked, day)
    if len(asked) > MOST_PAYOUTS:
        raise TooManyPayouts(day)
    mails = _rows(runtime, MAILER, day, _mailed, unread)
    booked = _rows(runtime, ACCOUNTS, day, _booked, unread)
    return Books(asked=asked, booked=booked, mails=mails)


def _rows(
    runtime: Runtime, service: str, day: date, read: Callable[[Any], T], unread: set[str]
) -> list[T] | None:
    """A service's book of a day; None, and its name in `unread`, where it cannot be had."""
    if service in unread:
        return None
    found: list[T] = []
    try:
        for item in _pages(runtime, service, day):
            found.append(read(item))
            if len(found) > MOST_PAYOUTS * 2:
                raise TooManyPayouts(day)
    except (RemoteAway, RemoteRefused, KeyError, TypeError, ValueError):
        unread.add(service)
        return None
    return found


def _pages(runtime: Runtime, service: str, day: date) -> Iterator[Any]:
    asked = {"date": day.isoformat(), "limit": "200"}
    after: str | None = ""
    while after is not None:
        more = {**asked, "after": after} if after else asked
        page = runtime.remote.get(service, PATHS[service], as_service=True, **more)
        yield from page["items"]
        after = page["next"]


def _booked(item: Any) -> Booked:
    return Booked(
        payout_id=item["payout_id"],
        user_id=item["user_id"],
        day=date.fromisoformat(item["date"]),
        amount=item["amount"],
        at=datetime.fromisoformat(item["booked_at"]),
        returned=item["returned"],
    )


def _mailed(item: Any) -> Mailed:
    return Mailed(
        mail_id=item["id"],
        payout_id=item["payout_id"],
        kind=item["kind"],
        user_id=item["user_id"],
        day=date.fromisoformat(item["date"]),
        amount=item["amount"],
        number=item.get("number", 1),
    )

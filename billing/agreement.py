"""Whether our own books agree about payouts: accounts, billing and the mailer's.

Pure: facts in, differences out. What needs a book that could not be read is left out.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from billing.books import Asked, Booked, Books, Difference, Kind, about
from billing.domain import PayoutStatus

# How long a payout may be at it before somebody should look (the alarms ring as late).
SENDING_MOST = timedelta(minutes=15)
UNKNOWN_MOST = timedelta(hours=1)
READY_MOST = timedelta(hours=1)
PAYOUT_MAIL = "payout"
S = PayoutStatus


def differences(books: Books, now: datetime, grace: timedelta) -> list[Difference]:
    """Between our books. What came about less than `grace` ago may be on its way: passed over."""
    return [
        *_booked_and_asked(books, now, grace),
        *_twice_a_day(books),
        *_stale(books, now, grace),
        *_histories(books),
        *_mails(books, now, grace),
    ]


def _booked_and_asked(books: Books, now: datetime, grace: timedelta) -> Iterator[Difference]:
    if books.booked is None:
        return
    asked = {payout.payout_id: payout for payout in books.asked}
    for entry in books.booked:
        payout = asked.pop(entry.payout_id, None)
        if payout is None:
            if now - entry.at >= grace:
                yield about(Kind.MISSING_IN_BILLING, entry, entry.amount)
            continue
        if payout.amount != entry.amount:
            yield about(Kind.AMOUNT, entry, entry.amount, payout.amount)
        if (payout.user_id, payout.day) != (entry.user_id, entry.day):
            expected, found = f"{entry.user_id} {entry.day}", f"{payout.user_id} {payout.day}"
            yield about(Kind.PERSON_OR_DAY, entry, expected, found)
        yield from _returns(entry, payout, now, grace)
    for payout in asked.values():
        yield about(Kind.NOT_BOOKED, payout, found=payout.amount)


def _returns(entry: Booked, payout: Asked, now: datetime, grace: timedelta) -> Iterator[Difference]:
    cancelled = payout.status is S.CANCELLED
    if cancelled and entry.returned is None and now - payout.updated_at >= grace:
        yield about(Kind.NOT_RETURNED, entry, entry.amount)
    if entry.returned is not None and not cancelled:
        yield about(Kind.RETURNED_UNCANCELLED, entry, payout.status, entry.returned)
    if cancelled and entry.returned not in (None, entry.amount):
        yield about(Kind.RETURNED_AMOUNT, entry, entry.amount, entry.returned)


def _twice_a_day(books: Books) -> Iterator[Difference]:
    for kind, entries in (
        (Kind.BOOKED_TWICE, books.booked or ()),
        (Kind.REQUESTED_TWICE, books.asked),
    ):
        times = Counter((entry.user_id, entry.day) for entry in entries)
        for entry in entries:
            if times[entry.user_id, entry.day] > 1:
                yield about(kind, entry)


def _stale(books: Books, now: datetime, grace: timedelta) -> Iterator[Difference]:
    for payout in books.asked:
        due, since = payout.next_attempt_at or payout.updated_at, payout.updated_at
        if payout.status is S.SENDING and now - due >= SENDING_MOST:
            yield about(Kind.STALE_SENDING, payout, found=since)
        if payout.status is S.UNKNOWN and now - since >= UNKNOWN_MOST:
            yield about(Kind.STALE_UNKNOWN, payout, found=since)
        if payout.status is S.READY and now - due >= READY_MOST:
            yield about(Kind.STALE_READY, payout, found=due)
        waits = payout.status is S.WAITING_FOR_CARD
        if waits and payout.has_card and now - since >= grace:
            yield about(Kind.WAITS_WITH_CARD, payout, found=since)


def _histories(books: Books) -> Iterator[Difference]:
    for payout in books.asked:
        if payout.last_noted != payout.status:
            yield about(Kind.HISTORY, payout, payout.last_noted or "", payout.status)


def _mails(books: Books, now: datetime, grace: timedelta) -> Iterator[Difference]:
    if books.booked is None or books.mails is None:
        return
    booked = {entry.payout_id: entry for entry in books.booked}
    times = Counter((mail.payout_id, mail.kind, mail.number) for mail in books.mails)
    for entry in books.booked:
        if not times[entry.payout_id, PAYOUT_MAIL, 1] and now - entry.at >= grace:
            yield about(Kind.NO_MAIL, entry)
    for mail in books.mails:
        payout = booked.get(mail.payout_id)
        if payout is None:
            yield Difference(
                Kind.MAIL_OF_NOTHING, mail.mail_id, "", mail.payout_id, mail.day, mail.user_id
            )
            continue
        if times[mail.payout_id, mail.kind, mail.number] > 1:
            yield about(Kind.MAIL_TWICE, payout, mail.kind, mail.mail_id)
        if mail.amount != payout.amount:
            yield about(Kind.MAIL_DIFFERS, payout, payout.amount, mail.amount)
        if (mail.user_id, mail.day) != (payout.user_id, payout.day):
            expected, said = f"{payout.user_id} {payout.day}", f"{mail.user_id} {mail.day}"
            yield about(Kind.MAIL_DIFFERS, payout, expected, said)

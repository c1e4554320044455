"""Whether accounts, billing and the mailer agree about every payout ever.

The comparison is billing's own (`billing.agreement`); here all days are read at once, from
the databases. The gateways' books are compared by billing itself (`billing.checks`).
"""

from collections.abc import Mapping
from datetime import timedelta

import accounts.facts
import mailer.facts
from billing import own_book
from billing.agreement import differences
from billing.books import Booked, Books, Kind, Mailed
from billing.checks import finding
from billing.standing import still_different
from chassis.checks import Finding
from chassis.runtime import Runtime

INVARIANTS: dict[str, frozenset[Kind]] = {
    "payouts in accounts are those in billing": frozenset(
        {Kind.MISSING_IN_BILLING, Kind.NOT_BOOKED, Kind.AMOUNT, Kind.PERSON_OR_DAY}
    ),
    "nobody is paid twice for a day": frozenset({Kind.BOOKED_TWICE, Kind.REQUESTED_TWICE}),
    "cancelled payouts are back on the accounts": frozenset(
        {Kind.NOT_RETURNED, Kind.RETURNED_UNCANCELLED, Kind.RETURNED_AMOUNT}
    ),
    "no payout is stuck": frozenset(
        {Kind.STALE_SENDING, Kind.STALE_UNKNOWN, Kind.STALE_READY, Kind.WAITS_WITH_CARD}
    ),
    "each payout stands where its history ends": frozenset({Kind.HISTORY}),
    "each payout has its mail": frozenset(
        {Kind.NO_MAIL, Kind.MAIL_OF_NOTHING, Kind.MAIL_TWICE, Kind.MAIL_DIFFERS}
    ),
}


def payouts_agree(runtimes: Mapping[str, Runtime]) -> list[Finding]:
    """A finding for each of INVARIANTS."""
    billing = runtimes["billing"]
    books = _books(runtimes)
    compared = f"{len(books.asked)} compared"
    found = differences(books, billing.clock.now(), timedelta(0))
    if found:
        found = still_different(found, books.asked, billing.database.read(own_book.asked))
    return [
        finding(name, [each for each in found if each.kind in kinds], compared)
        for name, kinds in INVARIANTS.items()
    ]


def _books(runtimes: Mapping[str, Runtime]) -> Books:
    """Accounts' last: what is in the others was booked before."""
    asked = runtimes["billing"].database.read(own_book.asked)
    mails = runtimes["mailer"].database.read(
        lambda reading: [
            Mailed(m.mail_id, m.payout_id, m.kind, m.user_id, m.date, m.amount, m.number)
            for m in mailer.facts.mails(reading)
        ]
    )
    booked = runtimes["accounts"].database.read(
        lambda reading: [
            Booked(p.payout_id, p.user_id, p.day, p.amount, p.at, p.returned)
            for p in accounts.facts.payouts(reading)
        ]
    )
    return Books(asked=asked, booked=booked, mails=mails)

"""The page on which the books of payouts are compared."""

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from billing import reconciliation
from billing.books import Kind
from billing.gateways import BOOKLESS
from billing.reconciliation import ACCOUNTS, BANK, MAILER, MOST_DAYS, TooManyPayouts
from billing.words import STATUSES
from chassis.access import allowed
from chassis.database import Reading
from chassis.days import NotADay, WrongRange, asked_range, read_day
from chassis.runtime import query, runtime
from contracts.rest import person_names
from contracts.roles import ACCOUNTANT, ADMIN

pages = Blueprint("reconciliation", __name__)

DEFAULT_DAYS = 7
SHOWN_MOST = 500

WORDS: dict[Kind, Any] = {
    Kind.MISSING_IN_BILLING: _l("Booked, but billing does not know it"),
    Kind.NOT_BOOKED: _l("In billing, but accounts has not booked it"),
    Kind.AMOUNT: _l("Another amount in billing than was booked"),
    Kind.PERSON_OR_DAY: _l("Another popug or day in billing than was booked"),
    Kind.BOOKED_TWICE: _l("Booked twice for one popug and day"),
    Kind.REQUESTED_TWICE: _l("Two payouts for one popug and day"),
    Kind.NOT_RETURNED: _l("Cancelled, but the money is not back on the account"),
    Kind.RETURNED_UNCANCELLED: _l("Back on the account, but not cancelled"),
    Kind.RETURNED_AMOUNT: _l("Another amount came back than was booked"),
    Kind.NO_TRANSFER: _l("Succeeded, but not in the bank's book"),
    Kind.TRANSFER_OF_NOTHING: _l("The bank has paid what no payout asks for"),
    Kind.TRANSFER_OF_UNPAID: _l("The bank has paid it, and here it counts as not paid"),
    Kind.TRANSFER_TWICE: _l("The bank has paid it more than once"),
    Kind.TRANSFER_AMOUNT: _l("The bank has paid another amount"),
    Kind.TRANSFER_CURRENCY: _l("The bank has paid in another currency"),
    Kind.REFERENCE: _l("Another reference than in the bank's book"),
    Kind.REFERENCE_TWICE: _l("Two payouts with one reference"),
    Kind.STALE_SENDING: _l("In sending for too long"),
    Kind.STALE_UNKNOWN: _l("Unknown for too long"),
    Kind.STALE_READY: _l("Ready, but not sent for too long"),
    Kind.WAITS_WITH_CARD: _l("Waits for a card, though there is one"),
    Kind.HISTORY: _l("Its status is not the last one of its history"),
    Kind.NO_MAIL: _l("There is no mail about it"),
    Kind.MAIL_OF_NOTHING: _l("A mail about a payout that was not booked"),
    Kind.MAIL_TWICE: _l("Two mails of one kind about it"),
    Kind.MAIL_DIFFERS: _l("The mail names another popug, day or amount"),
}
# What they name has no page in billing.
NOT_OURS = frozenset({Kind.MISSING_IN_BILLING, Kind.TRANSFER_OF_NOTHING, Kind.MAIL_OF_NOTHING})
BOOKS = {
    ACCOUNTS: _l("accounts"),
    MAILER: _l("the mailer"),
    BANK: _l("the bank"),
}


@pages.get("/reconciliation")
@allowed(ACCOUNTANT, ADMIN)
def compare() -> Any:
    """Payouts of a range of days in accounts, billing, the bank's book and the mails."""
    shown = {name: request.args.get(name, "") for name in ("from", "to")}
    try:
        first, last = query(_asked, *(read_day(text) if text else None for text in shown.values()))
        found = reconciliation.look(runtime, first, last)
    except (NotADay, WrongRange) as wrong:
        return _page(shown, refused=str(wrong.detail)), 422
    except TooManyPayouts as many:
        refused = _(
            "There are too many payouts on %(day)s for a page. An operator can compare them: "
            "popug reconcile",
            day=many,
        )
        return _page(shown, refused=refused), 422
    rest = (found.last + timedelta(days=1), last) if found.last < last else None
    names = person_names(runtime.remote, {d.user_id for d in found.found[:SHOWN_MOST]})
    shown = {"from": first.isoformat(), "to": last.isoformat()}
    return _page(shown, look=found, rest=rest, names=names)


def _page(shown: dict[str, str], **more: Any) -> str:
    values = {"look": None, "refused": "", "rest": None, "names": {}} | more
    return render_template(
        "billing/reconciliation.html",
        shown=shown,
        words=WORDS,
        books=BOOKS,
        bookless=BOOKLESS,
        most=SHOWN_MOST,
        not_ours=NOT_OURS,
        statuses=STATUSES,
        **values,
    )


def _asked(reading: Reading, first: date | None, last: date | None) -> tuple[date, date]:
    last = last or reading.today
    if first is None:
        first = last - min(timedelta(days=DEFAULT_DAYS - 1), last - date.min)
    first, last = asked_range(first, last, reading.today)
    if (last - first).days >= MOST_DAYS:
        raise WrongRange(MOST_DAYS)
    return first, last

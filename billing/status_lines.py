"""What billing tells of itself on the status page: payouts that are not paid yet."""

from functools import partial

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from billing import claims, shared_cards
from billing.domain import PayoutStatus
from billing.models import payouts
from chassis.database import Reading
from chassis.status_lines import StatusLine, Told


def count(reading: Reading, status: PayoutStatus, for_a_person: bool = False) -> Told:
    """How many payouts stand there; `for_a_person`: they do not move on by themselves."""
    found = reading.execute(
        select(func.count()).select_from(payouts).where(payouts.c.status == status)
    ).scalar_one()
    return Told(found, for_a_person and found > 0)


def shared(reading: Reading) -> Told:
    """How many card numbers several popugs have stored."""
    return Told(shared_cards.count(reading))


def open_claims(reading: Reading) -> Told:
    """How many words of a gateway do not fit and were not settled."""
    found = claims.count_open(reading)
    return Told(found, found > 0)


status_lines = (
    StatusLine(
        "payouts_failed",
        _l("Payouts failed"),
        partial(count, status=PayoutStatus.FAILED, for_a_person=True),
        _l("An accountant retries or cancels them."),
        "/payouts?status=failed",
    ),
    StatusLine(
        "payouts_needing_person",
        _l("Payouts that a person must look into"),
        partial(count, status=PayoutStatus.NEEDS_PERSON, for_a_person=True),
        _l("An accountant finds out at the bank whether they were paid, and says so."),
        "/payouts?status=needs_person",
    ),
    StatusLine(
        "payout_claims",
        _l("What the bank says against our books"),
        open_claims,
        _l("An accountant settles it with the bank, and says how on the payout's page."),
        "/payouts/claims",
    ),
    StatusLine(
        "payouts_unknown",
        _l("Payouts of unknown outcome"),
        partial(count, status=PayoutStatus.UNKNOWN),
        path="/payouts?status=unknown",
    ),
    StatusLine(
        "payouts_waiting",
        _l("Payouts that wait for a card"),
        partial(count, status=PayoutStatus.WAITING_FOR_CARD),
        path="/payouts?status=waiting_for_card",
    ),
    StatusLine("cards_shared", _l("Cards stored by several popugs"), shared, path="/cards/shared"),
)

"""Whose payouts one may see (contract, section 3)."""

from flask_babel import lazy_gettext as _l

from billing.domain import Payout, PayoutNotFound
from chassis.access import current_user
from chassis.refusals import Problem
from contracts.roles import BOOKKEEPERS


def sees_all() -> bool:
    """Accountants, admins and the other services see everybody's."""
    return current_user.is_service or current_user.role in BOOKKEEPERS


def seen(payout: Payout) -> Payout:
    """The payout itself. Raises PayoutNotFound if one may not even know of it."""
    if not sees_all() and payout.user_id != current_user.user_id:
        raise PayoutNotFound(payout.id)
    return payout


def whose(asked: str | None) -> str | None:
    """Whose payouts to list when these are asked for; None: everybody's.

    Raises Problem (403) when they are somebody else's.
    """
    if asked == "me":
        asked = current_user.user_id
    if sees_all():
        return asked
    if asked not in (None, current_user.user_id):
        raise Problem(403, _l("You may see your own payouts only."))
    return current_user.user_id

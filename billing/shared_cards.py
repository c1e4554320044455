"""Cards that several popugs have stored: noticed by their fingerprints, never by a number.

Such a card is stored all the same. A refusal would tell who tries a number that somebody
here has it; and it may be right, as between husband and wife. So people look at it.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import Subquery, func, select

from billing.models import cards
from chassis.database import Reading

GROUPS_MOST = 100
HOLDERS_MOST = 1_000


@dataclass(frozen=True)
class Holder:
    """Who has stored the card, and since when."""

    user_id: str
    since: datetime


@dataclass(frozen=True)
class SharedCard:
    """One card number and all who have stored it."""

    last4: str
    holders: tuple[Holder, ...]


def count(reading: Reading) -> int:
    """How many card numbers are stored by more than one popug."""
    return int(reading.execute(select(func.count()).select_from(_shared())).scalar_one())


def shared_cards(reading: Reading) -> list[SharedCard]:
    """Those cards, at most a hundred."""
    some = _shared(GROUPS_MOST)
    rows = reading.execute(
        select(cards.c.fingerprint, cards.c.last4, cards.c.user_id, cards.c.updated_at)
        .join(some, some.c.fingerprint == cards.c.fingerprint)
        .order_by(cards.c.fingerprint, cards.c.user_id)
        .limit(HOLDERS_MOST)
    )
    found = []
    for _, group in groupby(rows, key=lambda row: row.fingerprint):
        holders = list(group)
        found.append(
            SharedCard(
                holders[0].last4, tuple(Holder(row.user_id, row.updated_at) for row in holders)
            )
        )
    return sorted(found, key=lambda card: (card.last4, card.holders[0].user_id))


def _shared(most: int | None = None) -> Subquery:
    return (
        select(cards.c.fingerprint)
        .where(cards.c.fingerprint.is_not(None))
        .group_by(cards.c.fingerprint)
        .having(func.count() > 1)
        .order_by(cards.c.fingerprint)
        .limit(most)
        .subquery()
    )

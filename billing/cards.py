"""Stored cards: ciphertext and the last four digits (rule 13)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from billing.domain import PayoutStatus
from billing.models import cards, payouts
from chassis.database import Reading, Transaction


@dataclass(frozen=True)
class SealedCard:
    """A card as it is stored; only the sending job opens it."""

    user_id: str
    key_id: str
    nonce: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)
    last4: str


def save_card(tx: Transaction, card: SealedCard) -> None:
    """Store the card, instead of the one that its owner had."""
    tx.upsert(
        cards,
        [
            {
                "user_id": card.user_id,
                "ciphertext": card.ciphertext,
                "nonce": card.nonce,
                "key_id": card.key_id,
                "last4": card.last4,
                "updated_at": tx.now,
            }
        ],
        lambda _old, new: {
            name: new[name] for name in ("ciphertext", "nonce", "key_id", "last4", "updated_at")
        },
    )


def delete_card(tx: Transaction, user_id: str) -> bool:
    """Forget the card; says whether there was one."""
    return tx.execute(cards.delete().where(cards.c.user_id == user_id)).rowcount == 1


def sealed_card(reading: Reading, user_id: str) -> SealedCard | None:
    """The card of this popug, as it is stored."""
    row = reading.execute(
        select(
            cards.c.user_id, cards.c.key_id, cards.c.nonce, cards.c.ciphertext, cards.c.last4
        ).where(cards.c.user_id == user_id)
    ).first()
    return SealedCard(*row) if row else None


def shown_card(reading: Reading, user_id: str) -> tuple[str, datetime] | None:
    """What may be shown of a card: its last four digits, and since when we have it."""
    row = reading.execute(
        select(cards.c.last4, cards.c.updated_at).where(cards.c.user_id == user_id)
    ).first()
    return (row.last4, row.updated_at) if row else None


def card_holders(reading: Reading, user_ids: Iterable[str]) -> set[str]:
    """Those of these popugs who have stored a card."""
    wanted = select(cards.c.user_id).where(cards.c.user_id.in_(sorted(set(user_ids))))
    return set(reading.execute(wanted).scalars())


def any_card(reading: Reading) -> bool:
    """Whether anybody has stored a card."""
    return reading.execute(select(cards.c.user_id).limit(1)).first() is not None


def overlooked(reading: Reading, most: int) -> list[str]:
    """Owners of a card who still have a payout that waits for one.

    Where a payout and a card are stored at the same moment, neither sees the other.
    """
    rows = reading.execute(
        select(payouts.c.user_id)
        .distinct()
        .join(cards, cards.c.user_id == payouts.c.user_id)
        .where(payouts.c.status == PayoutStatus.WAITING_FOR_CARD)
        .limit(most)
    )
    return list(rows.scalars())

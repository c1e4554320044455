"""Stored cards: ciphertext and the last four digits (rule 13)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select

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
    hash_key_id: str | None = field(default=None, repr=False)
    fingerprint: str | None = field(default=None, repr=False)


_SEALED = ("key_id", "nonce", "ciphertext", "last4", "hash_key_id", "fingerprint")


def save_card(tx: Transaction, card: SealedCard) -> None:
    """Store the card, instead of the one that its owner had."""
    tx.upsert(
        cards,
        [{"user_id": card.user_id, **_values(card), "updated_at": tx.now}],
        lambda _old, new: {name: new[name] for name in (*_SEALED, "updated_at")},
    )


def reseal(tx: Transaction, card: SealedCard) -> None:
    """Store what is sealed anew in the place of a card that is locked here."""
    tx.execute(cards.update().where(cards.c.user_id == card.user_id).values(**_values(card)))


def _values(card: SealedCard) -> dict[str, object]:
    return {name: getattr(card, name) for name in _SEALED}


def delete_card(tx: Transaction, user_id: str) -> bool:
    """Forget the card; says whether there was one."""
    return tx.execute(cards.delete().where(cards.c.user_id == user_id)).rowcount == 1


def sealed_card(reading: Reading, user_id: str) -> SealedCard | None:
    """The card of this popug, as it is stored."""
    row = reading.execute(_select_sealed(cards.c.user_id == user_id)).first()
    return SealedCard(*row) if row else None


def any_of_older_keys(reading: Reading, key_id: str, hash_key_id: str) -> bool:
    """Whether a card is sealed or marked with another key than these."""
    wanted = select(cards.c.user_id).where(_older(key_id, hash_key_id)).limit(1)
    return reading.execute(wanted).first() is not None


def of_older_keys(
    tx: Transaction, key_id: str, hash_key_id: str, after: str, most: int
) -> Sequence[SealedCard]:
    """Cards of other keys than these, by owner after `after`, locked; not what others hold."""
    wanted = _select_sealed(cards.c.user_id > after, _older(key_id, hash_key_id))
    rows = tx.execute(
        wanted.order_by(cards.c.user_id).limit(most).with_for_update(skip_locked=True)
    )
    return [SealedCard(*row) for row in rows]


def _older(key_id: str, hash_key_id: str) -> ColumnElement[bool]:
    return or_(
        cards.c.key_id != key_id,
        cards.c.hash_key_id.is_(None),
        cards.c.hash_key_id != hash_key_id,
    )


def _select_sealed(*where: ColumnElement[bool]) -> Select[Any]:
    return select(cards.c.user_id, *(cards.c[name] for name in _SEALED)).where(*where)


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

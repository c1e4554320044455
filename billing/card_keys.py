"""Which keys cards may still be sealed with: what retiring one and storing a card agree on.

Whoever seals holds the key's row until he commits, and so does whoever retires it. A key
is therefore retired only when no card uses it, and no card uses it afterwards, even where a
process has read the file of the keys before it was changed.
"""

from sqlalchemy import func, or_, select

from billing.domain_cards import CardKeyInUse, CardKeyRetired
from billing.models import card_keys, cards
from chassis.database import Reading, Transaction


def hold(tx: Transaction, *key_ids: str) -> None:
    """Keep these keys from being retired before this commits. Raises CardKeyRetired."""
    _lock(tx, key_ids)
    gone = select(card_keys.c.key_id).where(
        card_keys.c.key_id.in_(key_ids), card_keys.c.retired_at.is_not(None)
    )
    retired = tx.execute(gone).scalars().first()
    if retired is not None:
        raise CardKeyRetired(retired)


def retire(tx: Transaction, key_id: str) -> None:
    """Let nothing be sealed with this key any more. Raises CardKeyInUse while a card needs it."""
    _lock(tx, [key_id])
    left = uses(tx, key_id)
    if left:
        raise CardKeyInUse(key_id, left)
    tx.execute(card_keys.update().where(card_keys.c.key_id == key_id).values(retired_at=tx.now))


def uses(reading: Reading, key_id: str) -> int:
    """How many cards are sealed or marked with this key."""
    used = or_(cards.c.key_id == key_id, cards.c.hash_key_id == key_id)
    return int(reading.execute(select(func.count()).select_from(cards).where(used)).scalar_one())


def _lock(tx: Transaction, key_ids: "list[str] | tuple[str, ...]") -> None:
    """Hold the keys' rows, which are made if they are not there yet."""
    rows = [{"key_id": key_id, "retired_at": None} for key_id in sorted(set(key_ids))]
    tx.upsert(card_keys, rows, lambda _old, new: {"key_id": new["key_id"]})

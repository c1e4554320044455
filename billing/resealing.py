"""The job that seals cards anew when there is a newer key, a batch per transaction.

A card that its owner replaces meanwhile is his: rows are locked, and what is locked by
others is passed over and met again. Killed in the middle, it goes on with what is left.
"""

from billing import card_keys, cards
from billing.opening import CardKeyMissing, CardUnreadable, open_card
from billing.vault import load_vault
from chassis.database import Transaction
from chassis.runtime import Runtime

RESEAL_CARDS = "seal cards anew"
MOST_AT_ONCE = 100


def reseal_cards(runtime: Runtime) -> bool:
    """Seal with the current keys what is not; says whether there may be more at once."""
    vault = load_vault(runtime.settings)
    if not runtime.database.read(cards.any_of_older_keys, vault.key_id, vault.hash_key_id):
        return False
    last: str | None = ""
    sealed = 0
    while last is not None:
        last, unreadable, done = runtime.database.run(_reseal_after, last)
        sealed += done
        for user_id, error in unreadable:
            runtime.log.error("card cannot be sealed anew", user_id=user_id, error=error)
    runtime.log.info("cards sealed anew", cards=sealed)
    return False


def _reseal_after(tx: Transaction, user_id: str) -> tuple[str | None, list[tuple[str, str]], int]:
    """The next batch: the last owner looked at, None at the end; what does not open; how many."""
    vault = load_vault(tx.settings)
    card_keys.hold(tx, vault.key_id, vault.hash_key_id)
    found = cards.of_older_keys(tx, vault.key_id, vault.hash_key_id, user_id, MOST_AT_ONCE)
    unreadable: list[tuple[str, str]] = []
    for card in found:
        try:
            number = open_card(tx.settings, card)
        except (CardUnreadable, CardKeyMissing) as broken:
            unreadable.append((card.user_id, str(broken)))
        else:
            cards.reseal(tx, vault.seal(number, card.user_id))
    last = found[-1].user_id if len(found) == MOST_AT_ONCE else None
    return last, unreadable, len(found) - len(unreadable)

"""Opening stored cards: for the job that sends payouts, and for sealing cards anew.

Only `billing.sending` and `billing.resealing` import this module (a contract of
import-linter says so), and nothing opens while a request is answered. What keeps the pages
from card numbers is these two rules, not cryptography: with AES-GCM, whoever seals holds the
key that opens.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import has_request_context

from billing.cards import SealedCard
from billing.domain_cards import CardNumber
from billing.key_rings import CARDS, load_ring
from chassis.settings import Settings


class CardUnreadable(Exception):
    """The ciphertext does not open with its key."""


class CardKeyMissing(Exception):
    """The key of this card is not in the file: it was not brought here, or it is lost."""


class OpenedInARequest(Exception):
    """A request has tried to open a card, which only jobs may."""


def open_card(settings: Settings, card: SealedCard) -> CardNumber:
    """The number, for the gateway alone.

    Raises CardUnreadable, CardKeyMissing, KeyMissing, OpenedInARequest.
    """
    if has_request_context():
        raise OpenedInARequest(f"the card of {card.user_id}")
    # Read each time: a card that was sealed anew a moment ago opens with the newest file.
    key = load_ring(settings.keys, CARDS).keys.get(card.key_id)
    if key is None:
        raise CardKeyMissing(f"no card key {card.key_id}")
    try:
        digits = AESGCM(key).decrypt(card.nonce, card.ciphertext, card.user_id.encode())
    except InvalidTag as broken:
        raise CardUnreadable(f"the card of {card.user_id} does not open") from broken
    return CardNumber(digits.decode())

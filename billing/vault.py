"""Sealing card numbers: AES-256-GCM under a key that is not in the database (rule 13).

Each record has a nonce of its own, and its owner's id as associated data: a ciphertext
that is moved to another popug does not open. Beside it stands a fingerprint, HMAC-SHA256
of the digits under a key of its own, by which two records of one number are noticed.
Opening is done elsewhere, by few: see `billing.opening`.
"""

import hmac
import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from billing.cards import SealedCard, any_card
from billing.domain_cards import CardNumber
from billing.key_rings import CARD_HASHES, CARDS, KeyRing, load_ring, make_missing
from chassis.keys import KeyMissing
from chassis.runtime import Runtime
from chassis.settings import Settings

NONCE_BYTES = 12


class Vault:
    """Seals card numbers with the current keys."""

    def __init__(self, seals: KeyRing, hashes: KeyRing) -> None:
        self.key_id = seals.current
        self.hash_key_id = hashes.current
        self._cipher = AESGCM(seals.keys[seals.current])
        self._hash_key = hashes.keys[hashes.current]

    def seal(self, number: CardNumber, user_id: str) -> SealedCard:
        """The card as it may be stored."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        digits = number.digits.encode()
        return SealedCard(
            user_id=user_id,
            key_id=self.key_id,
            nonce=nonce,
            ciphertext=self._cipher.encrypt(nonce, digits, user_id.encode()),
            last4=number.last4,
            hash_key_id=self.hash_key_id,
            fingerprint=hmac.digest(self._hash_key, digits, "sha256").hex(),
        )


def load_vault(settings: Settings) -> Vault:
    """The vault with the current keys of the files. Raises KeyMissing."""
    return Vault(load_ring(settings.keys, CARDS), load_ring(settings.keys, CARD_HASHES))


def prepare_vault(runtime: Runtime) -> None:
    """Make the keys at the first start of an embedded system; else they must be there.

    Raises KeyMissing. A new key beside cards sealed with a lost one would only hide the loss;
    a lost key of fingerprints does no harm, for the cards are marked anew with another.
    """
    keys = runtime.settings.keys
    path = keys / f"{CARDS}.json"
    if runtime.makes_keys:
        if not path.exists() and runtime.database.read(any_card):
            raise KeyMissing(f"{path} is missing, and without it the stored cards cannot be read")
        make_missing(keys)
    load_vault(runtime.settings)

"""The key of card numbers: AES-256-GCM, from a file that is not in the database (rule 13).

`keys/cards.json` holds `{"current": "<key id>", "keys": {"<key id>": "<base64 of 32 bytes>"}}`.
Each record has a nonce of its own, and its owner's id as associated data: a ciphertext
that is moved to another popug does not open.
"""

import base64
import binascii
import json
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from billing.cards import SealedCard, any_card
from billing.domain import CardNumber
from chassis.keys import KeyMissing, write_secret
from chassis.runtime import Runtime
from chassis.settings import Settings

FILE_NAME = "cards.json"
KEY_BITS = 256
NONCE_BYTES = 12


class CardUnreadable(Exception):
    """The ciphertext does not open with the keys at hand."""


class Vault:
    """Seals card numbers, and opens them for the sending job."""

    def __init__(self, keys: dict[str, bytes], current: str) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = current

    def seal(self, number: CardNumber, user_id: str) -> SealedCard:
        """The card as it may be stored."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        cipher = self._ciphers[self._current]
        sealed = cipher.encrypt(nonce, number.digits.encode(), user_id.encode())
        return SealedCard(user_id, self._current, nonce, sealed, number.last4)

    def open(self, card: SealedCard) -> CardNumber:
        """The number, for the gateway alone. Raises CardUnreadable."""
        cipher = self._ciphers.get(card.key_id)
        if cipher is None:
            raise CardUnreadable(f"no card key {card.key_id}")
        try:
            digits = cipher.decrypt(card.nonce, card.ciphertext, card.user_id.encode())
        except InvalidTag as broken:
            raise CardUnreadable(f"the card of {card.user_id} does not open") from broken
        return CardNumber(digits.decode())


def load_vault(settings: Settings) -> Vault:
    """The vault with the keys of the file. Raises KeyMissing when they cannot be used."""
    path = settings.keys / FILE_NAME
    if not path.exists():
        raise KeyMissing(f"{path} is missing: it must hold the key of the card numbers (JSON)")
    try:
        content = json.loads(path.read_bytes())
        keys = {
            str(key_id): base64.b64decode(key, validate=True)
            for key_id, key in content["keys"].items()
        }
        current = str(content["current"])
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as broken:
        raise KeyMissing(f"{path} cannot be read: {type(broken).__name__}") from None
    if current not in keys or any(len(key) * 8 != KEY_BITS for key in keys.values()):
        raise KeyMissing(f"{path}: `current` must name one of `keys`, each of {KEY_BITS} bits")
    return Vault(keys, current)


def prepare_vault(runtime: Runtime) -> None:
    """Make the key at the first start of an embedded system; else it must be there.

    Raises KeyMissing. A new key beside cards sealed with a lost one would only hide the loss.
    """
    path = runtime.settings.keys / FILE_NAME
    if not path.exists() and runtime.makes_keys:
        if runtime.database.read(any_card):
            raise KeyMissing(f"{path} is missing, and without it the stored cards cannot be read")
        make_key(path)
    load_vault(runtime.settings)


def make_key(path: Path) -> None:
    """Write a file with one fresh key, readable by the owner alone."""
    key_id = secrets.token_hex(4)
    key = base64.b64encode(AESGCM.generate_key(KEY_BITS)).decode()
    content = {"current": key_id, "keys": {key_id: key}}
    write_secret(path, json.dumps(content).encode())

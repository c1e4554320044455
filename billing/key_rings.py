"""The files of billing's own keys, neither of which is in the database (rule 13).

`keys/cards.json` has the keys that seal card numbers, `keys/card-hashes.json` those of the
fingerprints by which two like cards are noticed. Both hold `{"current": "<key id>", "keys":
{"<key id>": "<base64 of 32 bytes>"}}`, and `"next": "<key id>"` while a rotation is under way.
They are read anew each time, so that a changed file counts at once and in every process.
"""

import base64
import binascii
import json
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

from chassis.keys import KeyMissing, write_secret
from chassis.rotation import RotationRefused

CARDS, CARD_HASHES = "cards", "card-hashes"
NAMES = (CARDS, CARD_HASHES)
FILES = tuple(f"{name}.json" for name in NAMES)
KEY_BYTES = 32


@dataclass(frozen=True)
class KeyRing:
    """Keys of 32 bytes by their ids; `current` is used for what is written from now on."""

    current: str
    keys: dict[str, bytes] = field(repr=False)
    next: str | None = None

    @property
    def older(self) -> list[str]:
        """The ids of keys that are only read with."""
        return sorted(self.keys.keys() - {self.current, self.next})


def load_ring(folder: Path, name: str) -> KeyRing:
    """The keys of one file. Raises KeyMissing when they cannot be used."""
    path = _path(folder, name)
    if not path.exists():
        raise KeyMissing(f"{path} is missing: it must hold billing's keys (popug make-keys)")
    try:
        content = json.loads(path.read_bytes())
        ring = KeyRing(
            current=str(content["current"]),
            keys={
                str(key_id): base64.b64decode(key, validate=True)
                for key_id, key in content["keys"].items()
            },
            next=content.get("next"),
        )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as broken:
        raise KeyMissing(f"{path} cannot be read: {type(broken).__name__}") from None
    named = {ring.current} | ({ring.next} if ring.next is not None else set())
    if not named <= set(ring.keys) or any(len(key) != KEY_BYTES for key in ring.keys.values()):
        raise KeyMissing(
            f"{path}: `current` and `next` must name some of `keys`, each of {KEY_BYTES * 8} bits"
        )
    return ring


def make_missing(folder: Path) -> None:
    """Make each file that is not there, with one fresh key, for the owner alone."""
    for name in NAMES:
        if not _path(folder, name).exists():
            key_id, key = _fresh()
            _write(folder, name, KeyRing(key_id, {key_id: key}))


def begin(folder: Path, name: str) -> str:
    """Add the next key, which nothing is written with yet; gives its id.

    The file must then reach every process of billing. Raises KeyMissing, RotationRefused.
    """
    ring = load_ring(folder, name)
    if ring.next is not None:
        raise RotationRefused(f"{_path(folder, name)} has a next key already; finish it first")
    key_id, key = _fresh()
    _write(folder, name, replace(ring, keys={**ring.keys, key_id: key}, next=key_id))
    return key_id


def finish(folder: Path, name: str) -> str:
    """Make the next key the current one; gives its id. Raises KeyMissing, RotationRefused."""
    ring = load_ring(folder, name)
    if ring.next is None:
        raise RotationRefused(f"{_path(folder, name)} has no next key; begin the rotation first")
    _write(folder, name, replace(ring, current=ring.next, next=None))
    return ring.next


def drop(folder: Path, name: str, key_id: str) -> None:
    """Delete an older key, with which nothing may be sealed any more. Raises KeyMissing."""
    ring = load_ring(folder, name)
    keys = {each: key for each, key in ring.keys.items() if each != key_id}
    _write(folder, name, replace(ring, keys=keys))


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _fresh() -> tuple[str, bytes]:
    return secrets.token_hex(4), secrets.token_bytes(KEY_BYTES)


def _write(folder: Path, name: str, ring: KeyRing) -> None:
    keys = {key_id: base64.b64encode(key).decode() for key_id, key in ring.keys.items()}
    content = {"current": ring.current, "keys": keys}
    if ring.next is not None:
        content["next"] = ring.next
    write_secret(_path(folder, name), json.dumps(content).encode())

"""Idempotency keys: a request that is sent twice under one key takes effect once."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Column, Table, select
from sqlalchemy.exc import IntegrityError

from chassis.columns import Code, Id, UtcDateTime
from chassis.database import Reading, Transaction
from chassis.runtime import query
from tasks.models import metadata

KEY_MOST = 100

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("key", Code, primary_key=True),
    Column("digest", Id, nullable=False),
    # The id of the task or the shuffle that was made.
    Column("made_id", Id, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)


class KeyRefused(Exception):
    """The key is not 1 to KEY_MOST printable ASCII characters."""


class KeyUsedOtherwise(Exception):
    """The key came with another request before."""


@dataclass(frozen=True)
class Key:
    """A person's key for one request; `digest` tells the request from others."""

    user_id: str
    text: str
    digest: str


def key_for(user_id: str, text: str | None, *request: str | None) -> Key | None:
    """The key of a request that asks for `request`; None without one. Raises KeyRefused."""
    if text is None:
        return None
    if not 1 <= len(text) <= KEY_MOST or not (text.isascii() and text.isprintable()):
        raise KeyRefused
    return Key(user_id, text, _digest(request))


def form_key(user_id: str, token: str | None, *request: str | None) -> Key | None:
    """The key of a form that carries a token of its own; None without one.

    Who goes back in the browser and sends something else means it: that is another key.
    """
    if not token:
        return None
    digest = _digest((token, *request))
    return Key(user_id, digest, digest)


def once(key: Key | None, make: Callable[[], str]) -> str:
    """The id of what `make` makes or, where the key was used before, has made.

    `make` must call `use_key` in its transaction. Raises KeyUsedOtherwise.
    """
    if key is None:
        return make()
    made = query(made_with, key)
    if made:
        return made
    try:
        return make()
    except IntegrityError:
        # Another request under this key was quicker; the table let only one through.
        made = query(made_with, key)
        if made is None:
            raise
        return made


def made_with(reading: Reading, key: Key) -> str | None:
    """The id of what was made with this key, if it was used. Raises KeyUsedOtherwise."""
    row = reading.execute(
        select(idempotency_keys.c.digest, idempotency_keys.c.made_id).where(
            idempotency_keys.c.user_id == key.user_id, idempotency_keys.c.key == key.text
        )
    ).first()
    if row is None:
        return None
    if row.digest != key.digest:
        raise KeyUsedOtherwise
    return str(row.made_id)


def use_key(tx: Transaction, key: Key | None, made_id: str) -> None:
    """Keep what the key makes. Raises IntegrityError if it was used meanwhile."""
    if key is None:
        return
    row = {
        "user_id": key.user_id,
        "key": key.text,
        "digest": key.digest,
        "made_id": made_id,
        "created_at": tx.now,
    }
    tx.insert(idempotency_keys, [row])


def _digest(request: tuple[str | None, ...]) -> str:
    return hashlib.sha256(json.dumps(request).encode()).hexdigest()

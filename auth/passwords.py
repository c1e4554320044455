"""Passwords: hashed with Argon2id, compared in the same time whoever asks.

Each hash takes 64 MiB and tens of milliseconds, so few are made at a time and none
inside a transaction.
"""

import secrets
import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from auth.domain import check_password

AT_A_TIME = 4
GENERATED_BYTES = 12

_hasher = PasswordHasher()
_room = threading.BoundedSemaphore(AT_A_TIME)


def hash_password(password: str) -> str:
    """The hash to keep. Raises BadPassword."""
    check_password(password)
    with _room:
        return _hasher.hash(_one_spelling(password))


def matches(stored: str | None, password: str) -> bool:
    """Whether `password` is the one that was hashed.

    Without a stored hash (nobody has that e-mail) it takes the same time and is False.
    """
    against = stored or _nobodys_hash()
    with _room:
        try:
            _hasher.verify(against, _one_spelling(password))
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def rehashed(stored: str, password: str) -> str | None:
    """The right password hashed anew, if its hash has other parameters than today's."""
    if not _hasher.check_needs_rehash(stored):
        return None
    with _room:
        return _hasher.hash(_one_spelling(password))


def generate_password() -> str:
    """A random password of 16 characters."""
    return secrets.token_urlsafe(GENERATED_BYTES)


def warm_up() -> None:
    """Make the hash that unknown users are compared with, before the first of them asks."""
    _nobodys_hash()


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(GENERATED_BYTES))


def _one_spelling(password: str) -> str:
    # Keyboards differ in how they spell the same accented letter (NIST SP 800-63B).
    return unicodedata.normalize("NFKC", password)

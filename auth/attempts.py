"""Wrong passwords are counted: who guesses must soon wait.

The count stands in the database, so that a restart forgets nothing. It is looked at
again when a try is settled: of many guesses at the same moment, those beyond the limit
learn nothing, even if one of them was right.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Index, Table, select

from auth.domain import TooManyAttempts
from auth.models import metadata
from chassis.columns import Id, Position, UtcDateTime
from chassis.database import Reading, Transaction

WINDOW = timedelta(minutes=15)
MOST_PER_PAIR = 10
MOST_PER_ADDRESS = 100

login_attempts = Table(
    "login_attempts",
    metadata,
    Column("id", Position, primary_key=True, autoincrement=True),
    # Digests: people type passwords into the wrong field.
    Column("pair", Id, nullable=False),
    Column("address", Id, nullable=False),
    Column("failed_at", UtcDateTime, nullable=False),
    Index("ix_attempts_pair", "pair", "failed_at"),
    Index("ix_attempts_address", "address", "failed_at"),
    Index("ix_attempts_moment", "failed_at"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class Guesser:
    """Who tries: an e-mail from an address, and that address with any e-mail."""

    pair: str
    address: str

    @classmethod
    def of(cls, email: str, address: str) -> "Guesser":
        """`email` as it was typed; case and space around it make no difference."""
        return cls(_digest(f"{email.strip().lower()}\n{address}"), _digest(address))


def refuse_too_many(reading: Reading, who: Guesser) -> None:
    """Raises TooManyAttempts while the limit is reached."""
    waits = (
        _seconds_to_wait(reading, login_attempts.c.pair == who.pair, MOST_PER_PAIR),
        _seconds_to_wait(reading, login_attempts.c.address == who.address, MOST_PER_ADDRESS),
    )
    if max(waits):
        raise TooManyAttempts(max(waits))


def record_failure(tx: Transaction, who: Guesser) -> None:
    """Count one more wrong password. Raises TooManyAttempts if the limit was reached first."""
    refuse_too_many(tx, who)
    tx.insert(login_attempts, [{"pair": who.pair, "address": who.address, "failed_at": tx.now}])


def forgive(tx: Transaction, who: Guesser) -> None:
    """The right password was given: this pair starts from nothing again."""
    tx.execute(login_attempts.delete().where(login_attempts.c.pair == who.pair))


def forget_old(tx: Transaction) -> None:
    """Delete what no longer counts."""
    tx.execute(login_attempts.delete().where(login_attempts.c.failed_at <= tx.now - WINDOW))


def _seconds_to_wait(reading: Reading, whose: ColumnElement[bool], most: int) -> int:
    """Until the oldest of the last `most` failures leaves the window; 0 if there are fewer."""
    oldest: datetime | None = reading.execute(
        select(login_attempts.c.failed_at)
        .where(whose, login_attempts.c.failed_at > reading.now - WINDOW)
        .order_by(login_attempts.c.failed_at.desc())
        .offset(most - 1)
        .limit(1)
    ).scalar()
    if oldest is None:
        return 0
    return max(1, math.ceil((oldest + WINDOW - reading.now).total_seconds()))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

"""Tries of passwords are counted: who guesses must soon wait.

A try is counted before the password is looked at, under a lock, and given back if it was
right: of many guesses at the same moment no more than the limit are ever compared. The
lock is held for the count alone, not while a password is hashed. The count stands in the
database, so that a restart forgets nothing.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Index,
    Table,
    func,
    or_,
    select,
    true,
)

from auth.domain import TooManyAttempts
from auth.models import metadata
from chassis.columns import Id, UtcDateTime
from chassis.database import Reading, Transaction
from chassis.ids import new_id

WINDOW = timedelta(minutes=15)
MOST_PER_PAIR = 10
MOST_PER_ADDRESS = 100
# A try that is not settled by then was broken off, and counts as a wrong password.
SETTLED_WITHIN = timedelta(seconds=30)

login_tries = Table(
    "login_tries",
    metadata,
    Column("id", Id, primary_key=True),
    # Digests: people type passwords into the wrong field.
    Column("pair", Id, nullable=False),
    Column("address", Id, nullable=False),
    Column("tried_at", UtcDateTime, nullable=False),
    Column("failed", Boolean, nullable=False),
    Index("ix_tries_pair", "pair", "tried_at"),
    Index("ix_tries_address", "address", "tried_at"),
    Index("ix_tries_moment", "tried_at"),
)

# A row for each pair and each address that may be locked while its tries are counted.
login_turns = Table(
    "login_turns",
    metadata,
    Column("whose", Id, primary_key=True),
    Column("tried_at", UtcDateTime, nullable=False),
    Index("ix_turns_moment", "tried_at"),
)


class OthersAreTrying(Exception):
    """So many tries are being looked at that one more could be one too many."""


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
    """Raises TooManyAttempts while the limit is reached, OthersAreTrying where it may be."""
    limits = (
        (login_tries.c.pair == who.pair, MOST_PER_PAIR),
        (login_tries.c.address == who.address, MOST_PER_ADDRESS),
    )
    wait = max(_seconds_to_wait(reading, whose, most) for whose, most in limits)
    if wait:
        raise TooManyAttempts(wait)
    if any(_tries(reading, whose) >= most for whose, most in limits):
        raise OthersAreTrying


def begin_try(tx: Transaction, who: Guesser) -> str:
    """Count a try and give its id, by which it is settled.

    Raises TooManyAttempts, OthersAreTrying.
    """
    # The address is locked last by everybody, so that no two wait for each other.
    for whose in (who.pair, who.address):
        tx.upsert(
            login_turns,
            [{"whose": whose, "tried_at": tx.now}],
            lambda _old, new: {"tried_at": new.tried_at},
        )
    refuse_too_many(tx, who)
    row = {"pair": who.pair, "address": who.address, "tried_at": tx.now, "failed": False}
    try_id = new_id()
    tx.insert(login_tries, [{"id": try_id, **row}])
    return try_id


def fail_try(tx: Transaction, try_id: str) -> None:
    """The password was wrong."""
    tx.execute(login_tries.update().where(login_tries.c.id == try_id).values(failed=true()))


def forgive(tx: Transaction, who: Guesser, try_id: str) -> None:
    """The password was right: what this pair failed before is forgotten.

    Tries that others are at just now still count.
    """
    settled = or_(login_tries.c.id == try_id, _failed(tx))
    tx.execute(login_tries.delete().where(login_tries.c.pair == who.pair, settled))


def forget_old(tx: Transaction) -> None:
    """Delete what no longer counts."""
    tx.execute(login_tries.delete().where(login_tries.c.tried_at <= tx.now - WINDOW))
    tx.execute(login_turns.delete().where(login_turns.c.tried_at <= tx.now - WINDOW))


def _seconds_to_wait(reading: Reading, whose: ColumnElement[bool], most: int) -> int:
    """Until the oldest of the last `most` failures leaves the window; 0 if there are fewer."""
    oldest: datetime | None = reading.execute(
        select(login_tries.c.tried_at)
        .where(whose, _recent(reading), _failed(reading))
        .order_by(login_tries.c.tried_at.desc())
        .offset(most - 1)
        .limit(1)
    ).scalar()
    if oldest is None:
        return 0
    return max(1, math.ceil((oldest + WINDOW - reading.now).total_seconds()))


def _tries(reading: Reading, whose: ColumnElement[bool]) -> int:
    counted = select(func.count()).select_from(login_tries).where(whose, _recent(reading))
    return int(reading.execute(counted).scalar_one())


def _recent(reading: Reading) -> ColumnElement[bool]:
    return login_tries.c.tried_at > reading.now - WINDOW


def _failed(reading: Reading) -> ColumnElement[bool]:
    broken_off = login_tries.c.tried_at <= reading.now - SETTLED_WITHIN
    return or_(login_tries.c.failed, broken_off)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

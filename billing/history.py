"""Every move of a payout, written in the transaction that makes it, and never changed."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from sqlalchemy import Column, Index, Table, func, select

from billing.domain import Payout, PayoutStatus
from billing.models import metadata, payouts
from chassis.columns import Code, Id, Position, UtcDateTime, short_text
from chassis.database import Reading, Transaction
from chassis.rights import APPEND_ONLY


class Overtaken(Exception):
    """A payout has moved between reading and writing it, in spite of the lock."""


payout_transitions = Table(
    "payout_transitions",
    metadata,
    Column("id", Position, primary_key=True, autoincrement=True),
    Column("payout_id", Id, nullable=False),
    Column("from_status", Code),
    Column("to_status", Code, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    # A person's id, or the part of this service that did it.
    Column("by", Id, nullable=False),
    Column("why", short_text(500), nullable=False),
    Index("ix_payout_transitions_payout", "payout_id", "id"),
    sqlite_autoincrement=True,
    info=APPEND_ONLY,
)


def add_payouts(tx: Transaction, new: Sequence[Payout], by: str, why: str) -> None:
    """Insert payouts that are not there yet, with the first line of their history."""
    tx.insert(payouts, [asdict(payout) for payout in new])
    _record(tx, [(None, payout) for payout in new], by, why)


def save_moves(tx: Transaction, moves: Sequence[tuple[Payout, Payout]], by: str, why: str) -> None:
    """Write moves (before, after) and their history.

    Raises Overtaken, and nothing may be committed, if a payout has moved meanwhile.
    """
    for before, after in moves:
        _save(tx, before, after)
    _record(tx, moves, by, why)


def _save(tx: Transaction, before: Payout, after: Payout) -> None:
    changed = tx.execute(
        payouts.update()
        .where(
            payouts.c.id == before.id,
            payouts.c.status == before.status,
            payouts.c.attempts == before.attempts,
            payouts.c.retries == before.retries,
        )
        .values(
            status=after.status,
            gateway_ref=after.gateway_ref,
            attempts=after.attempts,
            reason=after.reason,
            updated_at=after.updated_at,
            next_attempt_at=after.next_attempt_at,
            retries=after.retries,
            key_used_at=after.key_used_at,
            in_doubt=after.in_doubt,
            gateway_account=after.gateway_account,
        )
    )
    if changed.rowcount != 1:
        raise Overtaken(before.id)


def _record(
    tx: Transaction, moves: Iterable[tuple[Payout | None, Payout]], by: str, why: str
) -> None:
    tx.insert(
        payout_transitions,
        [
            {
                "payout_id": after.id,
                "from_status": before.status if before else None,
                "to_status": after.status,
                "at": tx.now,
                "by": by,
                "why": why,
            }
            for before, after in moves
        ],
    )


def last_moved_by(reading: Reading, payout_id: str) -> str:
    """Who has brought a payout to where it stands."""
    moves = payout_transitions.c
    last = select(moves.by).where(moves.payout_id == payout_id).order_by(moves.id.desc()).limit(1)
    return str(reading.execute(last).scalar_one())


def count_failures(reading: Reading, payout_id: str) -> int:
    """How often a payout has failed."""
    moves = payout_transitions.c
    failures = select(func.count()).where(
        moves.payout_id == payout_id, moves.to_status == PayoutStatus.FAILED
    )
    return int(reading.execute(failures).scalar_one())

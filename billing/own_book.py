"""Billing's own book of payouts, as it is compared with those of others."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, exists, select

from billing import claims
from billing.books import Asked, Books, Difference, Transfer
from billing.domain import PayoutStatus, keys_of
from billing.gateway import BookLine
from billing.history import payout_transitions
from billing.models import cards, payouts
from billing.standing import still_different
from billing.transfers import transfer_differences
from chassis.database import Database, Reading


def asked(reading: Reading, day: date | None = None, gateway: str | None = None) -> list[Asked]:
    """The payouts of a business day or through a gateway, or all; with what history says last."""
    last_noted = (
        select(payout_transitions.c.to_status)
        .where(payout_transitions.c.payout_id == payouts.c.id)
        .order_by(payout_transitions.c.id.desc())
        .limit(1)
        .correlate(payouts)
        .scalar_subquery()
    )
    has_card = exists().where(cards.c.user_id == payouts.c.user_id).correlate(payouts)
    query = select(
        payouts.c.id.label("payout_id"),
        payouts.c.user_id,
        payouts.c.date.label("day"),
        payouts.c.amount,
        payouts.c.currency,
        payouts.c.status,
        payouts.c.idempotency_key,
        payouts.c.retries,
        payouts.c.gateway_ref.label("reference"),
        payouts.c.updated_at,
        payouts.c.next_attempt_at,
        last_noted.label("last_noted"),
        has_card.label("has_card"),
        payouts.c.gateway,
    )
    if day is not None:
        query = query.where(payouts.c.date == day)
    if gateway is not None:
        query = query.where(payouts.c.gateway == gateway)
    return [_asked(row) for row in reading.execute(query)]


def gateways(reading: Reading) -> set[str]:
    """Through which any payout was to go, ever."""
    return set(reading.execute(select(payouts.c.gateway).distinct()).scalars())


def _asked(row: Row[Any]) -> Asked:
    values = dict(row._mapping)
    keys = keys_of(values.pop("idempotency_key"), values.pop("retries"))
    values |= {"status": PayoutStatus(row.status), "has_card": bool(row.has_card)}
    return Asked(**values, keys=tuple(keys))


def known_keys(reading: Reading, keys: Collection[str]) -> set[str]:
    """Those of the keys that belong to a payout, numbered or not."""
    own = {key: key.partition(".")[0] for key in keys}
    wanted = select(payouts.c.idempotency_key).where(
        payouts.c.idempotency_key.in_(sorted(set(own.values())))
    )
    known = set(reading.execute(wanted).scalars())
    return {key for key, base in own.items() if base in known}


def transfer_of(line: BookLine, settled: Collection[tuple[str, str]]) -> Transfer:
    """A line of a gateway's book as it is compared; `settled` holds keys and references."""
    done = (line.key, line.reference) in settled
    return Transfer(line.key, line.reference, line.amount, line.currency, line.status, done)


def differences_with(
    database: Database, gateway: str, before: Sequence[Asked], book: Sequence[BookLine]
) -> list[Difference]:
    """Where our payouts through a gateway and its whole book differ.

    `before`: ours, as they were before the book was read; they may have moved since.
    """
    settled = database.read(claims.settled)
    transfers = [transfer_of(line, settled) for line in book]
    found = transfer_differences(Books(asked=before, transfers=transfers))
    if not found:
        return []
    return still_different(found, before, database.read(asked, gateway=gateway))

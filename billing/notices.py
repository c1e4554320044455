"""What a gateway tells by itself: kept once, and followed up by asking the gateway.

A notice may come first, late, twice, or after a later one; whoever could forge one would
gain nothing. So nothing is believed of it but that it is time to ask, and the answer does
what an answer does (`answers`).
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Index, Row, Table, select
from sqlalchemy.exc import IntegrityError

from billing import answers, models
from billing.commands import SEND_PAYOUTS
from billing.domain import IN_FLIGHT, keys_of
from billing.gateway import Accepted, AnswerLost, Gateway, Notice, Returned
from billing.gateways.bounds import REFERENCE_MOST
from billing.models import metadata
from chassis.columns import ID_LENGTH, Code, Id, UtcDateTime
from chassis.database import Database, Reading, Transaction

AGAIN_AFTER, AGAIN_AFTER_MOST = timedelta(seconds=20), timedelta(minutes=10)

gateway_notices = Table(
    "gateway_notices",
    metadata,
    # SHA-256 of all that it says, hexadecimal: the same words count once.
    Column("digest", Id, primary_key=True),
    Column("gateway", Code, nullable=False),
    Column("key", Id, nullable=False),
    Column("reference", Code, nullable=False),
    Column("status", Code, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    # When to ask the gateway; None once it has answered.
    Column("look_at", UtcDateTime),
    Index("ix_gateway_notices_look", "look_at"),
)


def keep(database: Database, gateway: str, notice: Notice) -> bool:
    """Keep a notice that is new; says whether it was. One of nothing of ours is not kept."""
    try:
        return database.run(_keep, gateway, notice)
    except IntegrityError:  # the same notice at the same moment: the other one was first
        return False


def unsigned(reading: Reading, gateway: str, notice: Notice) -> Notice | None:
    """A notice that anybody may have written, cut down to what we know ourselves.

    One that names what is in flight by its reference, or by a key under which it was sent;
    then the gateway is asked for the key alone. None if it is of nothing of ours. So there
    are no more different ones than there are keys.
    """
    if not (notice.reference + notice.key).isascii():
        return None
    payouts = models.payouts.c
    known = select(payouts.idempotency_key, payouts.retries).where(payouts.gateway == gateway)
    in_flight = known.where(payouts.status.in_(IN_FLIGHT), payouts.gateway_ref == notice.reference)
    row = reading.execute(in_flight).first()
    if row:
        return Notice(keys_of(*row)[-1], notice.reference, notice.status)
    base = notice.key.partition(".")[0]
    row = reading.execute(known.where(payouts.idempotency_key == base)).first()
    if row is None or notice.key not in keys_of(*row):
        return None
    return Notice(notice.key, "", notice.status)


def _keep(tx: Transaction, gateway: str, notice: Notice) -> bool:
    parts = (gateway, notice.key, notice.reference, notice.status)
    if not all(part.isascii() for part in parts) or len(notice.reference) > REFERENCE_MOST:
        return False
    if len(notice.key) > ID_LENGTH or _payout_id(tx, gateway, notice.key) is None:
        return False
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    if tx.execute(select(gateway_notices.c.digest).filter_by(digest=digest)).first():
        return False
    row = {
        "digest": digest,
        "gateway": gateway,
        "key": notice.key,
        "reference": notice.reference,
        "status": notice.status[:REFERENCE_MOST],
        "received_at": tx.now,
        "look_at": tx.now,
    }
    tx.insert(gateway_notices, [row])
    tx.wake(SEND_PAYOUTS)
    return True


def due(reading: Reading, most: int) -> list[Row[Any]]:
    """Notices that are to be followed up now."""
    return list(
        reading.execute(
            select(gateway_notices)
            .where(gateway_notices.c.look_at <= reading.now)
            .order_by(gateway_notices.c.look_at, gateway_notices.c.digest)
            .limit(most)
        )
    )


def follow_up(database: Database, gateway: Gateway, notice: Row[Any]) -> bool:
    """Ask what has become of it, and let the answer count; says whether there was one."""
    payout_id = database.read(_payout_id, notice.gateway, notice.key)
    try:
        answer = gateway.ask(notice.key, notice.reference) if payout_id else None
    except AnswerLost:
        database.run(look_later, notice)
        return False
    if payout_id and isinstance(answer, Accepted):
        database.run(answers.record_paid, payout_id, answer, notice.key)
    elif payout_id and isinstance(answer, Returned):
        database.run(answers.record_returned, payout_id, answer, notice.key)
    # Of a refusal its sender hears, or asks; here it could be about an earlier sending.
    database.run(_done, notice.digest)
    return True


def look_later(tx: Transaction, notice: Row[Any]) -> None:
    """Follow it up after a pause."""
    tx.execute(
        gateway_notices.update()
        .where(gateway_notices.c.digest == notice.digest)
        .values(look_at=tx.now + pause(tx.now, notice.received_at))
    )


def pause(now: datetime, since: datetime) -> timedelta:
    """As long again as it has waited, within limits: the pauses double."""
    return min(max(now - since, AGAIN_AFTER), AGAIN_AFTER_MOST)


def _done(tx: Transaction, digest: str) -> None:
    mine = gateway_notices.c.digest == digest
    tx.execute(gateway_notices.update().where(mine).values(look_at=None))


def _payout_id(reading: Reading, gateway: str, key: str) -> str | None:
    """Whose key this is: the payout's own, or that with the number of a retry."""
    row = reading.execute(
        select(models.payouts.c.id).where(
            models.payouts.c.idempotency_key == key.partition(".")[0],
            models.payouts.c.gateway == gateway,
        )
    ).first()
    return row.id if row else None

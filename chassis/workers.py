"""Signs of life: each process at work says now and then that it is, in its database.

A web process that answers tells nothing of whether events are relayed and jobs run. Nor
does the broker tell of what a worker holds and cannot apply: its queue looks empty then.
So the worker tells that too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from sqlalchemy import Column, Integer, Table, select

from chassis.columns import Code, Id, UtcDateTime
from chassis.database import DatabaseAway
from chassis.jobs import Job
from chassis.outbox import metadata
from chassis.reasons import claims

if TYPE_CHECKING:
    from chassis.database import Reading, Transaction
    from chassis.runtime import Runtime

EVERY_SECONDS = 10
# Three signs missed: a batch at hand may delay one or two.
SILENT_AFTER = timedelta(seconds=35)
FORGOTTEN_AFTER = timedelta(days=1)
# What bytes claim may be anything, and not every moment can be stored.
LONGEST_LAG = timedelta(days=365)

workers = Table(
    "workers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", Code, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    # Messages that the broker has delivered to it and that are not applied or parked yet.
    Column("in_hand", Integer, nullable=False),
    Column("oldest_in_hand", UtcDateTime),
)


@dataclass(frozen=True)
class Worker:
    """A process at work, or one that was until a moment ago.

    It held `in_hand` messages then, the oldest of which is an event of `oldest_in_hand`.
    """

    id: str
    version: str
    started_at: datetime
    seen_at: datetime
    in_hand: int
    oldest_in_hand: datetime | None

    @property
    def lag_seconds(self) -> float:
        """How old the oldest event in its hands was when it said so; 0 without any."""
        if self.oldest_in_hand is None:
            return 0.0
        return max((self.seen_at - self.oldest_in_hand).total_seconds(), 0.0)


def at_work(reading: "Reading") -> list[Worker]:
    """Those that gave a sign of life lately, longest at work first."""
    rows = reading.execute(
        select(workers)
        .where(workers.c.seen_at > reading.now - SILENT_AFTER)
        .order_by(workers.c.started_at, workers.c.id)
    )
    return [Worker(*row) for row in rows]


def sign_off(runtime: "Runtime") -> None:
    """This process ends as it should: it need not be missed first."""
    try:
        runtime.database.run(_forget, runtime.worker_id)
    except DatabaseAway as away:
        runtime.log.info("could not sign off", error=str(away))


def _sign(runtime: "Runtime") -> bool:
    count = runtime.broker.in_hand(runtime.service.name)
    runtime.database.run(_seen, runtime.worker_id, count, _oldest_in_hand(runtime))
    return False


def _oldest_in_hand(runtime: "Runtime") -> datetime | None:
    """When the oldest event at hand was said, or since when it is here if it does not tell."""
    held = runtime.broker.oldest_in_hand(runtime.service.name)
    if held is None:
        return None
    now = runtime.clock.now()
    arrived = now - timedelta(seconds=held.seconds)
    return max(min(claims(held.body).time or arrived, arrived), now - LONGEST_LAG)


def _seen(tx: "Transaction", worker_id: str, in_hand: int, oldest: datetime | None) -> None:
    tx.upsert(
        workers,
        [
            {
                "id": worker_id,
                "version": version("popug"),
                "started_at": tx.now,
                "seen_at": tx.now,
                "in_hand": in_hand,
                "oldest_in_hand": oldest,
            }
        ],
        lambda _old, new: {
            "seen_at": new.seen_at,
            "in_hand": new.in_hand,
            "oldest_in_hand": new.oldest_in_hand,
        },
    )
    tx.execute(workers.delete().where(workers.c.seen_at < tx.now - FORGOTTEN_AFTER))


def _forget(tx: "Transaction", worker_id: str) -> None:
    tx.execute(workers.delete().where(workers.c.id == worker_id))


SIGN_OF_LIFE = Job("sign-of-life", _sign, EVERY_SECONDS)

"""The table of shuffles, and what is asked of it."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Column, Index, Integer, Select, Table, select

from chassis.columns import Code, Id, Position, UtcDateTime
from chassis.database import Reading, Transaction
from tasks.domain import RUNNING, Shuffle, ShuffleNotFound
from tasks.models import metadata

shuffles = Table(
    "shuffles",
    metadata,
    # They are dealt one after another, in the order of their start.
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("id", Id, nullable=False, unique=True),
    Column("status", Code, nullable=False),
    Column("started_by", Id, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("total", Integer, nullable=False),
    Column("up_to", Position, nullable=False),
    Column("cursor", Position, nullable=False),
    Column("done", Integer, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("uncounted_after", Position),
    Index("ix_shuffles_status", "status", "position"),
    sqlite_autoincrement=True,
)


def find_shuffle(reading: Reading, shuffle_id: str) -> Shuffle:
    """One shuffle. Raises ShuffleNotFound."""
    # Ids are ASCII, and MySQL refuses to compare them with anything else.
    if not shuffle_id.isascii():
        raise ShuffleNotFound
    found = _first(reading, _rows().where(shuffles.c.id == shuffle_id))
    if found is None:
        raise ShuffleNotFound
    return found


def running_shuffle(reading: Reading) -> Shuffle | None:
    """The shuffle whose turn it is, if any is running."""
    return _first(reading, _oldest_running())


def running_shuffle_for_update(tx: Transaction) -> Shuffle | None:
    """The shuffle whose turn it is; nobody else deals it before this transaction ends."""
    return _first(tx, _oldest_running().with_for_update())


def add_shuffle(tx: Transaction, shuffle: Shuffle) -> None:
    """Keep a new shuffle."""
    tx.insert(shuffles, [_row(shuffle)])


def save_shuffle(tx: Transaction, shuffle: Shuffle) -> None:
    """Keep how far a shuffle has come."""
    tx.execute(shuffles.update().where(shuffles.c.id == shuffle.id).values(_row(shuffle)))


def _row(shuffle: Shuffle) -> dict[str, Any]:
    return asdict(shuffle) | {"status": shuffle.status}


def _rows() -> Select[Any]:
    return select(*(shuffles.c[name] for name in Shuffle.__dataclass_fields__))


def _oldest_running() -> Select[Any]:
    running = _rows().where(shuffles.c.status == RUNNING)
    return running.order_by(shuffles.c.position).limit(1)


def _first(reading: Reading, statement: Select[Any]) -> Shuffle | None:
    row = reading.execute(statement).first()
    return Shuffle(*row) if row else None

"""Sessions: one row per sign-in, until it ends or expires."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Column, ForeignKey, Index, Table, select

from auth.domain import Session, SessionNotFound, may_be_id
from auth.models import metadata
from chassis.columns import Id, UtcDateTime, short_text
from chassis.database import Reading, Transaction

USER_AGENT_MOST, ADDRESS_MOST = 200, 64
KEPT_AFTER_EXPIRY = timedelta(days=30)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("user_agent", short_text(USER_AGENT_MOST), nullable=False),
    Column("address", short_text(ADDRESS_MOST), nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_sessions_user", "user_id", "expires_at"),
    Index("ix_sessions_expiry", "expires_at"),
)

_COLUMNS = (
    sessions.c.id,
    sessions.c.user_id,
    sessions.c.created_at,
    sessions.c.expires_at,
    sessions.c.user_agent,
    sessions.c.address,
)


def live(reading: Reading, user_id: str) -> list[Session]:
    """The sessions of a user that are not over, latest first."""
    rows = reading.execute(
        select(*_COLUMNS)
        .where(
            sessions.c.user_id == user_id,
            sessions.c.expires_at > reading.now,
            sessions.c.ended_at.is_(None),
        )
        .order_by(sessions.c.created_at.desc(), sessions.c.id.desc())
    )
    return [Session(*row) for row in rows]


def find(reading: Reading, user_id: str, session_id: str) -> Session:
    """One session of a user that is not over. Raises SessionNotFound."""
    row = (
        reading.execute(
            select(*_COLUMNS).where(
                sessions.c.id == session_id,
                sessions.c.user_id == user_id,
                sessions.c.expires_at > reading.now,
                sessions.c.ended_at.is_(None),
            )
        ).one_or_none()
        if may_be_id(session_id) and may_be_id(user_id)
        else None
    )
    if row is None:
        raise SessionNotFound
    return Session(*row)


def add(tx: Transaction, new: Session) -> None:
    """Keep a new session."""
    tx.insert(sessions, [{**vars(new), "ended_at": None}])


def mark_ended(tx: Transaction, session_ids: Sequence[str]) -> None:
    """These sessions end now; those that ended before keep their moment."""
    tx.execute(
        sessions.update()
        .where(sessions.c.id.in_(session_ids), sessions.c.ended_at.is_(None))
        .values(ended_at=tx.now)
    )


def forget_expired(tx: Transaction) -> None:
    """Delete sessions that nobody can use or wants to see any more."""
    tx.execute(sessions.delete().where(sessions.c.expires_at < tx.now - KEPT_AFTER_EXPIRY))

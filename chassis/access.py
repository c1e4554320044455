"""Who may do what: guards declared on routes, and changes of rights heard from auth.

Every route says who may use it (`@public`, `@signed_in`, `@allowed(...)`); an app with a
route that does not say is refused at start. A token tells the rights of the moment when
it was signed; what auth has said since then overrules it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, cast

from flask import g
from sqlalchemy import Boolean, Column, Integer, Select, Table, case, select
from werkzeug.local import LocalProxy

from chassis.columns import Code, Id, UtcDateTime
from chassis.database import Database, Reading, Transaction
from chassis.identity import SERVICE_ROLE, Identity
from chassis.outbox import metadata
from chassis.prepared import prepared

View = TypeVar("View", bound=Callable[..., Any])

REMEMBERED_SECONDS = 1.0
REMEMBERED_MOST = 10_000

access = Table(
    "access",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("role", Code, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("session_id", Id, primary_key=True),
    Column("ended_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class Rule:
    """Who may use a route: everybody, anyone signed in, or these roles."""

    roles: frozenset[str] | None = None
    open_to_all: bool = False
    services: bool = False
    # The page must be there when the database is not; the signed token tells the role then.
    without_database: bool = False

    def permits(self, who: Identity | None) -> bool:
        if self.open_to_all:
            return True
        if who is None:
            return False
        if who.is_service:
            return self.services
        return self.roles is None or who.role in self.roles


def _declare(rule: Rule) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.__access__ = rule  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """Anybody may use this route, signed in or not."""
    return _declare(Rule(open_to_all=True))(view)


def signed_in(view: View) -> View:
    """Any person who is signed in may use this route."""
    return _declare(Rule())(view)


def signed_in_or_service(view: View) -> View:
    """Any person who is signed in, and the other services, may use this route."""
    return _declare(Rule(services=True))(view)


def allowed(*roles: str) -> Callable[[View], View]:
    """Only people of these roles may use this route (and services, if named)."""
    return _declare(Rule(frozenset(roles) - {SERVICE_ROLE}, services=SERVICE_ROLE in roles))


def without_database(view: View) -> View:
    """This route (with its guard) is answered also while the database is away.

    Whom auth has taken rights from in the meantime is then known by what this process
    remembers; so such a page shows figures of the system and nothing about anybody.
    """
    rule = rule_of(view)
    if rule is None:
        raise RuntimeError("first say who may use the route")
    return _declare(replace(rule, without_database=True))(view)


def rule_of(view: Callable[..., Any]) -> Rule | None:
    """What a view declares, or None if it declares nothing."""
    return getattr(view, "__access__", None)


def _signed_in_identity() -> Identity:
    who = g.get("identity")
    if who is None:
        raise RuntimeError("nobody is signed in: the route must not be public")
    return cast(Identity, who)


# Behaves as the Identity of the request.
current_user = cast(Identity, LocalProxy(_signed_in_identity))


class _AccessChange(Protocol):
    user_id: str
    role: str
    active: bool
    epoch: int
    ended_sessions: list[str]


class _Heard(Protocol):
    @property
    def data(self) -> Any: ...


def remember_access(tx: Transaction, events: Sequence[_Heard]) -> None:
    """Handler: keep what auth said of people's rights. The highest epoch wins, in any order."""
    changes: list[_AccessChange] = [event.data for event in events]
    newest: dict[str, _AccessChange] = {}
    for change in changes:
        if change.user_id not in newest or change.epoch >= newest[change.user_id].epoch:
            newest[change.user_id] = change
    tx.upsert(
        access,
        [
            {
                "user_id": change.user_id,
                "role": change.role,
                "active": change.active,
                "epoch": change.epoch,
                "changed_at": tx.now,
            }
            for change in newest.values()
        ],
        # The epoch comes last: MySQL assigns from left to right.
        lambda old, new: {
            "role": case((new.epoch > old.c.epoch, new.role), else_=old.c.role),
            "active": case((new.epoch > old.c.epoch, new.active), else_=old.c.active),
            "changed_at": case((new.epoch > old.c.epoch, new.changed_at), else_=old.c.changed_at),
            "epoch": case((new.epoch > old.c.epoch, new.epoch), else_=old.c.epoch),
        },
    )
    ended = {session for change in changes for session in change.ended_sessions}
    tx.upsert(
        ended_sessions,
        [{"session_id": session, "ended_at": tx.now} for session in sorted(ended)],
        lambda old, _new: {"ended_at": old.c.ended_at},
    )


@dataclass(frozen=True)
class Known:
    """What auth said last of one person."""

    role: str
    active: bool
    epoch: int


def known_access(reading: Reading, user_id: str) -> Known | None:
    """What auth has said here of this person; None: his rights have never changed."""
    row = reading.execute(_access_of(user_id)).first()
    return Known(*row[1:]) if row else None


def everybodys_access(reading: Reading) -> dict[str, Known]:
    """What auth has said here of everybody."""
    return {user_id: Known(*said) for user_id, *said in reading.execute(_access())}


def _access() -> Select[Any]:
    return select(access.c.user_id, *(access.c[name] for name in Known.__dataclass_fields__))


@prepared
def _access_of(user_id: str) -> Select[Any]:
    return _access().where(access.c.user_id == user_id)


@prepared
def _ended_session(session_id: str) -> Select[Any]:
    return select(ended_sessions.c.session_id).where(ended_sessions.c.session_id == session_id)


class AccessBook:
    """Turns the identity in a token into the rights of this moment. Thread-safe.

    Answers are remembered for a second, so that a page of many requests asks once.
    """

    def __init__(self, database: Database, remembered_seconds: float = REMEMBERED_SECONDS) -> None:
        self._database = database
        self._seconds = remembered_seconds
        self._known: dict[tuple[str, str], tuple[float, Known | None, bool]] = {}

    def now(self, who: Identity) -> Identity | None:
        """The identity with its rights as they are now, or None if it has none left."""
        if who.is_service:
            return who
        return self._judge(who, *self._look_up(who))

    def remembered(self, who: Identity) -> Identity | None:
        """The same from what was looked up before, however long ago; asks no database."""
        _, known, ended = self._known.get((who.user_id, who.session_id), (0.0, None, False))
        return self._judge(who, known, ended)

    def _judge(self, who: Identity, known: Known | None, ended: bool) -> Identity | None:
        if ended or (known and known.epoch > who.epoch and not known.active):
            return None
        if known and known.epoch > who.epoch:
            return replace(who, role=known.role)
        return who

    def _look_up(self, who: Identity) -> tuple[Known | None, bool]:
        key = (who.user_id, who.session_id)
        remembered = self._known.get(key)
        if remembered and remembered[0] > time.monotonic():
            return remembered[1], remembered[2]
        with self._database.reading() as reading:
            known = known_access(reading, who.user_id)
            ended = reading.execute(_ended_session(who.session_id)).first()
        if len(self._known) >= REMEMBERED_MOST:
            self._known.clear()
        self._known[key] = (time.monotonic() + self._seconds, known, ended is not None)
        return known, ended is not None

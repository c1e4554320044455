"""What may be done to users and sessions; each function is one change in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from auth import attempts, models, sessions
from auth.attempts import Guesser
from auth.domain import (
    LastAdmin,
    Session,
    UnknownLanguage,
    UnknownRole,
    User,
    UserNotFound,
    WrongCredentials,
    changed,
    clean_name,
)
from auth.email_address import clean_email
from chassis.access import remember_access
from chassis.database import Transaction
from chassis.identity import SESSION_LIFETIME
from chassis.ids import new_id
from chassis.languages import DEFAULT, LANGUAGES
from chassis.masking import without_card_numbers
from contracts.auth import AccessChanged
from contracts.roles import ADMIN, ROLES

# An event stays far below the size that the broker takes.
SESSIONS_PER_EVENT = 500


@dataclass(frozen=True)
class Verified:
    """A user whose password was right when its hash was `password_hash`.

    `try_id` is the try that showed it. `fresh_hash` is the same password hashed anew, where
    the old hash was a weak one.
    """

    user_id: str
    password_hash: str
    try_id: str
    fresh_hash: str | None = None


def create_user(
    tx: Transaction,
    *,
    email: str,
    name: str,
    role: str,
    password_hash: str,
    language: str = DEFAULT,
) -> User:
    """Add an active user.

    `password_hash` comes from `passwords.hash_password`, made before the transaction.
    Raises BadEmail, BadName, UnknownRole, UnknownLanguage, EmailTaken.
    """
    _refuse_unknown(role, language)
    called = clean_name(without_card_numbers(name))
    user = User(new_id(), clean_email(email), called, role, language, True, 1, tx.now)
    models.add_user(tx, user, password_hash)
    _announce(tx, user)
    return user


def change_user(
    tx: Transaction,
    user_id: str,
    *,
    name: str | None = None,
    role: str | None = None,
    language: str | None = None,
    active: bool | None = None,
) -> User:
    """Change what is given; other rights are told to all services, and disabling ends sessions.

    Raises UserNotFound, BadName, UnknownRole, UnknownLanguage, LastAdmin.
    """
    _refuse_unknown(role, language)
    # Admins are locked first and in one order, so that two who demote each other meet here.
    admins = set() if role is None and active is None else models.active_admins(tx)
    old = models.user_for_update(tx, user_id)
    name = None if name is None else without_card_numbers(name)
    new = changed(old, name=name, role=role, language=language, active=active)
    if admins == {user_id} and not (new.active and new.role == ADMIN):
        raise LastAdmin
    models.save_user(tx, new)
    if new.epoch != old.epoch:
        gone = [] if new.active else [s.id for s in sessions.live(tx, user_id)]
        sessions.mark_ended(tx, gone)
        _announce(tx, new, gone)
    return new


def set_password(
    tx: Transaction, user_id: str, password_hash: str, keep_session: str | None = None
) -> User:
    """Give a user another password and end his sessions, except the one to keep.

    Raises UserNotFound.
    """
    user = models.user_for_update(tx, user_id)
    models.save_password(tx, user_id, password_hash)
    end_all_sessions(tx, user_id, keep_session)
    return user


def change_own_password(
    tx: Transaction, proven: Verified, who: Guesser, new_hash: str, keep_session: str
) -> None:
    """Like `set_password`, for someone who has shown that he knows the old one.

    Raises WrongCredentials.
    """
    _settle(tx, proven, who)
    set_password(tx, proven.user_id, new_hash, keep_session)


def sign_in(
    tx: Transaction, proven: Verified, who: Guesser, user_agent: str, address: str
) -> tuple[User, Session]:
    """Begin a session of someone whose password was right.

    Raises WrongCredentials if he was disabled or his password changed meanwhile.
    """
    user = _settle(tx, proven, who)
    if proven.fresh_hash:
        models.save_password(tx, user.id, proven.fresh_hash)
    session = Session(
        new_id(),
        user.id,
        tx.now,
        tx.now + SESSION_LIFETIME,
        user_agent[: sessions.USER_AGENT_MOST],
        address[: sessions.ADDRESS_MOST],
    )
    sessions.add(tx, session)
    return user, session


def end_session(tx: Transaction, user_id: str, session_id: str) -> None:
    """End one session of a user; all services refuse its token within seconds.

    Raises SessionNotFound, also when it is over already.
    """
    user = models.user_for_update(tx, user_id)
    session = sessions.find(tx, user_id, session_id)
    sessions.mark_ended(tx, [session.id])
    _announce(tx, user, [session.id])


def end_all_sessions(tx: Transaction, user_id: str, keep: str | None = None) -> int:
    """End a user's sessions except `keep`; says how many. Raises UserNotFound."""
    user = models.user_for_update(tx, user_id)
    gone = [s.id for s in sessions.live(tx, user_id) if s.id != keep]
    if gone:
        sessions.mark_ended(tx, gone)
        _announce(tx, user, gone)
    return len(gone)


def _settle(tx: Transaction, proven: Verified, who: Guesser) -> User:
    """A right password counts only if nothing has changed since it was looked at."""
    try:
        user = models.user_for_update(tx, proven.user_id)
    except UserNotFound as gone:
        raise WrongCredentials from gone
    if not user.active or models.password_hash(tx, user.id) != proven.password_hash:
        raise WrongCredentials
    attempts.forgive(tx, who, proven.try_id)
    return user


def _refuse_unknown(role: str | None, language: str | None) -> None:
    if role is not None and role not in ROLES:
        raise UnknownRole
    if language is not None and language not in LANGUAGES:
        raise UnknownLanguage


@dataclass(frozen=True)
class _Said:
    data: AccessChanged


def _announce(tx: Transaction, user: User, ended: Sequence[str] = ()) -> None:
    """Tell all services of a user's rights; here they hold with this very commit."""
    parts = [
        ended[start : start + SESSIONS_PER_EVENT]
        for start in range(0, len(ended), SESSIONS_PER_EVENT)
    ] or [()]
    events = [
        AccessChanged(
            user_id=user.id,
            role=user.role,  # type: ignore[arg-type]  # one of ROLES, checked on its way in
            active=user.active,
            epoch=user.epoch,
            ended_sessions=list(part),
        )
        for part in parts
    ]
    tx.emit(*events)
    remember_access(tx, [_Said(event) for event in events])

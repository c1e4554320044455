"""The way in: from an e-mail and a password to a session and its cookie."""

import time
from contextlib import suppress
from typing import Any

from flask import Response, request
from flask_babel import lazy_gettext as _l

from auth import attempts, commands, models, passwords
from auth.attempts import Guesser, OthersAreTrying
from auth.commands import Verified
from auth.domain import (
    BadEmail,
    Session,
    SessionNotFound,
    TooManyAttempts,
    User,
    UserNotFound,
    WrongCredentials,
)
from auth.email_address import clean_email
from chassis.access import current_user
from chassis.identity import Identity
from chassis.refusals import Problem
from chassis.runtime import query, runtime, transact
from chassis.web import cookie_name

# Tries that are being looked at are settled in a moment; who comes meanwhile waits for them.
WAIT_SECONDS, PAUSE_SECONDS = 2.0, 0.05


def sign_in(email: str, password: str) -> tuple[User, Session]:
    """Begin a session for the request at hand.

    Raises WrongCredentials, and Problem (429) after too many failures.
    """
    who = _guesser(email)
    try:
        proven = prove(email, password, who)
        agent = request.headers.get("User-Agent", "")
        user, session = transact(commands.sign_in, proven, who, agent, _address())
    except TooManyAttempts as full:
        raise too_many(full) from full
    runtime.log.info("signed in", user_id=user.id)
    return user, session


def sign_out(response: Response) -> Response:
    """End the session of the person at hand and have the browser forget its token."""
    with suppress(SessionNotFound, UserNotFound):
        transact(commands.end_session, current_user.user_id, current_user.session_id)
    return take_cookie(response)


def change_password(user: User, old: str, new: str, keep_session: str) -> None:
    """Change the password of the person at hand, who must know the old one.

    Raises BadPassword, WrongCredentials, and Problem (429) after too many failures.
    """
    new_hash = passwords.hash_password(new)
    who = _guesser(user.email)
    try:
        proven = prove(user.email, old, who)
        transact(commands.change_own_password, proven, who, new_hash, keep_session)
    except TooManyAttempts as full:
        raise too_many(full) from full


def prove(email: str, password: str, who: Guesser) -> Verified:
    """Check a password, which takes the same time for an e-mail that nobody has.

    The try is counted first; who signs in gets it back. Raises WrongCredentials,
    TooManyAttempts.
    """
    try_id = _begin_try(who)
    known = _one_spelling(email)
    found = query(models.credentials, known) if known else None
    stored = found[1] if found else None
    if not passwords.matches(stored, password) or not found or not found[0].active:
        transact(attempts.fail_try, try_id)
        runtime.log.info("sign-in refused", address=_address())
        raise WrongCredentials
    fresh = passwords.rehashed(found[1], password)
    return Verified(found[0].id, found[1], try_id, fresh)


def _begin_try(who: Guesser) -> str:
    """Count a try, waiting a little for others at the same. Raises TooManyAttempts."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            # Most of those that are refused are refused without a lock.
            query(attempts.refuse_too_many, who)
            return transact(attempts.begin_try, who)
        except OthersAreTrying as busy:
            if time.monotonic() > deadline:
                raise TooManyAttempts(1) from busy
        time.sleep(PAUSE_SECONDS)


def give_cookie(response: Response, user: User, session: Session) -> Response:
    """Put the session's token, with the user's rights as they are, into the answer."""
    who = Identity(user.id, user.role, user.name, user.language, session.id, user.epoch)
    now = runtime.clock.now()
    response.set_cookie(
        value=runtime.issuer.for_person(who, now, session.expires_at),
        max_age=session.expires_at - now,
        **_cookie(),
    )
    return response


def take_cookie(response: Response) -> Response:
    """Have the browser forget its token."""
    response.delete_cookie(**_cookie())
    return response


def _cookie() -> dict[str, Any]:
    secure = runtime.settings.secure
    return {
        "key": cookie_name(runtime.settings),
        "path": "/",
        "secure": secure,
        "httponly": True,
        "samesite": "Lax",
    }


def too_many(full: TooManyAttempts) -> Problem:
    """The answer to someone who must wait."""
    return Problem(
        429,
        _l("Too many wrong passwords. Wait a quarter of an hour, then try again."),
        {"Retry-After": str(full.seconds)},
    )


def _one_spelling(email: str) -> str | None:
    try:
        return clean_email(email)
    except BadEmail:
        return None


def _guesser(email: str) -> Guesser:
    return Guesser.of(_one_spelling(email) or email, _address())


def _address() -> str:
    return request.remote_addr or ""

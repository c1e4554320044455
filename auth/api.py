"""Auth over REST: signing in and out, and who people are."""

from typing import Any

from flask import Response, jsonify
from flask_babel import lazy_gettext as _l

from auth import commands, entrance, models, passwords
from auth.wire import (
    Credentials,
    NewUser,
    SignedIn,
    UserChange,
    UserList,
    UserOut,
    UserQuery,
    as_seen_by,
    whole,
)
from chassis.access import allowed, current_user, public, signed_in, signed_in_or_service
from chassis.openapi import Api
from chassis.paging import MOST, read_cursor
from chassis.refusals import Problem
from chassis.runtime import query as look
from chassis.runtime import transact
from contracts.roles import ADMIN

IDS_MOST = 200

api = Api("auth", "Who works at UberPopug Inc.")


@api.post("/login")
@public
@api.describe(answer=SignedIn, refuses=(429,))
def login(json: Credentials) -> Response:
    """Sign in: sets the session cookie, whose value is also good as a bearer token."""
    user, session = entrance.sign_in(json.email, json.password)
    return entrance.give_cookie(jsonify(user=whole(user)), user, session)


@api.post("/logout")
@signed_in
@api.describe(status=204)
def logout() -> Response:
    """Sign out: the session's token is refused from now on, by all services."""
    return entrance.sign_out(Response(status=204))


@api.get("/users/me")
@signed_in
@api.describe(answer=UserOut, refuses=(404,))
def me() -> dict[str, Any]:
    """The one who asks."""
    return whole(look(models.user, current_user.user_id))


@api.get("/users")
@signed_in_or_service
@api.describe(answer=UserList)
def list_users(query: UserQuery) -> dict[str, Any]:
    """Users by name: all, those with some ids, or those on whom tasks may land."""
    if query.limit > MOST and not current_user.is_service:
        raise Problem(422, _l("limit: at most %(most)d at a time.", most=MOST))
    page = look(
        models.users_page,
        query.limit,
        read_cursor(query.after, str, str),
        ids=_ids(query.ids),
        candidates=query.candidates,
        text=query.q.strip(),
        by_email=current_user.is_service or current_user.role == ADMIN,
    )
    return {
        "items": [as_seen_by(current_user, user) for user in page.items],
        "next": page.next,
    }


@api.post("/users")
@allowed(ADMIN)
@api.describe(answer=UserOut, status=201, refuses=(409,))
def add_user(json: NewUser) -> tuple[dict[str, Any], int]:
    """Add a user."""
    password_hash = passwords.hash_password(json.password)
    user = transact(
        commands.create_user,
        email=json.email,
        name=json.name,
        role=json.role,
        password_hash=password_hash,
        language=json.language,
    )
    return whole(user), 201


@api.get("/users/<user_id>")
@signed_in_or_service
@api.describe(answer=UserOut, refuses=(404,))
def one_user(user_id: str) -> dict[str, Any]:
    """One user."""
    return as_seen_by(current_user, look(models.user, user_id))


@api.patch("/users/<user_id>")
@allowed(ADMIN)
@api.describe(answer=UserOut, refuses=(404, 409))
def change_user(user_id: str, json: UserChange) -> dict[str, Any]:
    """Change a user; other rights hold in all services within seconds."""
    return whole(transact(commands.change_user, user_id, **json.model_dump()))


def _ids(text: str | None) -> list[str] | None:
    if text is None:
        return None
    ids = text.split(",")
    if len(ids) > IDS_MOST:
        raise Problem(422, _l("ids: at most %(most)d at a time.", most=IDS_MOST))
    return ids

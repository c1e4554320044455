"""One's own page: language, password, sessions."""

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from auth import commands, entrance, models, sessions
from auth.domain import SessionNotFound, User, WrongCredentials, device
from auth.forms import LanguageForm, OwnPasswordForm
from chassis.access import current_user, signed_in
from chassis.runtime import query, transact

profile = Blueprint("profile", "auth.profile")


@profile.get("/me")
@signed_in
def me() -> str:
    """Who one is, and where one is signed in."""
    user = _user()
    return _page(user, LanguageForm(formdata=None, language=user.language), _no_password())


@profile.post("/me/language")
@signed_in
def choose_language() -> Any:
    """Another language for oneself; the next page is already in it."""
    user, form = _user(), LanguageForm()
    if not form.validate():
        return _page(user, form, _no_password()), 422
    user = transact(commands.change_user, user.id, language=form.language.data)
    answer = make_response(redirect(url_for(".me"), 303))
    try:
        session = query(sessions.find, user.id, current_user.session_id)
    except SessionNotFound:
        return answer
    return entrance.give_cookie(answer, user, session)


@profile.post("/me/password")
@signed_in
def change_password() -> Any:
    """Another password for oneself, which ends all other sessions."""
    user, form = _user(), OwnPasswordForm()
    language = LanguageForm(formdata=None, language=user.language)
    if not form.validate():
        return _page(user, language, form), 422
    try:
        entrance.change_password(user, form.old.data, form.new.data, current_user.session_id)
    except WrongCredentials:
        form.old.errors = [_("This is not your old password.")]
        return _page(user, language, form), 422
    flash(_("Your password is changed, and your other sessions have ended."), "success")
    return redirect(url_for(".me"), 303)


@profile.post("/me/sessions/<session_id>/end")
@signed_in
def end_session(session_id: str) -> Response:
    """End one of one's own sessions."""
    transact(commands.end_session, current_user.user_id, session_id)
    flash(_("The session has ended."), "success")
    return redirect(url_for(".me"), 303)


@profile.post("/me/sessions/end-others")
@signed_in
def end_other_sessions() -> Response:
    """End all of one's sessions but this one."""
    number = transact(commands.end_all_sessions, current_user.user_id, keep=current_user.session_id)
    flash(ended(number), "success")
    return redirect(url_for(".me"), 303)


def ended(number: int) -> str:
    """How many sessions have ended, in words."""
    return str(ngettext("%(num)d session has ended.", "%(num)d sessions have ended.", number))


def _user() -> User:
    return query(models.user, current_user.user_id)


def _no_password() -> OwnPasswordForm:
    return OwnPasswordForm(formdata=None)


def _page(user: User, language: LanguageForm, password: OwnPasswordForm) -> str:
    return render_template(
        "auth/me.html",
        user=user,
        language_form=language,
        password_form=password,
        sessions=query(sessions.live, user.id),
        this_session=current_user.session_id,
        device=device,
    )

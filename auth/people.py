"""The people of the company, for admins: find, add, change, disable."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from auth import commands, models, passwords, sessions
from auth.domain import EmailTaken, User, device
from auth.email_address import EMAIL_MOST
from auth.forms import NewPersonForm, PersonForm, SetPasswordForm
from auth.profile import ended
from auth.refusals import refusals
from chassis.access import allowed, current_user
from chassis.paging import DEFAULT_LIMIT, read_cursor
from chassis.runtime import query, transact
from contracts.roles import ADMIN

people = Blueprint("people", "auth.people")


@people.get("/users")
@allowed(ADMIN)
def everybody() -> str:
    """All people by name, or those whose name or e-mail holds a text."""
    text = request.args.get("q", "").strip()[:EMAIL_MOST]
    after = read_cursor(request.args.get("after"), str, str)
    page = query(models.users_page, DEFAULT_LIMIT, after, text=text, by_email=True)
    return render_template("auth/people.html", page=page, text=text)


@people.get("/users/new")
@allowed(ADMIN)
def new_person() -> str:
    """The form for a new person."""
    return render_template("auth/new_person.html", form=NewPersonForm(formdata=None))


@people.post("/users/new")
@allowed(ADMIN)
def add_person() -> Any:
    """Add a person; a password that was made up is shown this once."""
    form = NewPersonForm()
    if not form.validate():
        return render_template("auth/new_person.html", form=form), 422
    password = form.password.data or passwords.generate_password()
    try:
        user = transact(
            commands.create_user,
            email=form.email.data,
            name=form.name.data,
            role=form.role.data,
            password_hash=passwords.hash_password(password),
            language=form.language.data,
        )
    except EmailTaken:
        form.email.errors = [str(refusals[EmailTaken].sentence)]
        return render_template("auth/new_person.html", form=form), 409
    flash(_("%(name)s is added.", name=user.name), "success")
    if form.password.data:
        return redirect(url_for(".person", user_id=user.id), 303)
    return render_template("auth/password.html", user=user, password=password)


@people.get("/users/<user_id>")
@allowed(ADMIN)
def person(user_id: str) -> str:
    """One person and his sessions."""
    user = query(models.user, user_id)
    return _page(user, PersonForm(formdata=None, obj=user), SetPasswordForm(formdata=None))


@people.post("/users/<user_id>")
@allowed(ADMIN)
def change_person(user_id: str) -> Any:
    """Change a person's name, role, language, or whether he is active."""
    user, form = query(models.user, user_id), PersonForm()
    if not form.validate():
        return _page(user, form, SetPasswordForm(formdata=None)), 422
    transact(commands.change_user, user_id, **_given(form))
    flash(_("Saved."), "success")
    return redirect(url_for(".person", user_id=user_id), 303)


@people.post("/users/<user_id>/password")
@allowed(ADMIN)
def set_password(user_id: str) -> Any:
    """Give a person another password and end his sessions."""
    user, form = query(models.user, user_id), SetPasswordForm()
    if not form.validate():
        return _page(user, PersonForm(formdata=None, obj=user), form), 422
    password = form.password.data or passwords.generate_password()
    password_hash = passwords.hash_password(password)
    transact(commands.set_password, user_id, password_hash, keep_session=current_user.session_id)
    flash(_("The password is changed, and the sessions have ended."), "success")
    if form.password.data:
        return redirect(url_for(".person", user_id=user_id), 303)
    return render_template("auth/password.html", user=user, password=password)


@people.post("/users/<user_id>/sessions/<session_id>/end")
@allowed(ADMIN)
def end_session(user_id: str, session_id: str) -> Response:
    """End one session of a person."""
    transact(commands.end_session, user_id, session_id)
    flash(_("The session has ended."), "success")
    return redirect(url_for(".person", user_id=user_id), 303)


@people.post("/users/<user_id>/sessions/end")
@allowed(ADMIN)
def end_all_sessions(user_id: str) -> Response:
    """End all sessions of a person."""
    flash(ended(transact(commands.end_all_sessions, user_id)), "success")
    return redirect(url_for(".person", user_id=user_id), 303)


def _given(form: PersonForm) -> dict[str, Any]:
    return {name: form[name].data for name in ("name", "role", "language", "active")}


def _page(user: User, form: PersonForm, password_form: SetPasswordForm) -> str:
    return render_template(
        "auth/person.html",
        user=user,
        form=form,
        password_form=password_form,
        sessions=query(sessions.live, user.id),
        this_session=current_user.session_id,
        device=device,
    )

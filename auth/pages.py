"""Signing in and out, and the public keys."""

from typing import Any

from flask import Blueprint, Response, g, jsonify, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from auth import entrance
from auth.domain import WrongCredentials
from auth.forms import SignInForm
from auth.refusals import refusals
from chassis.access import public
from chassis.identity import ISSUER_OF_PEOPLE
from chassis.keys import load_public_keys
from chassis.masking import without_card_numbers
from chassis.navigation import service_url
from chassis.runtime import runtime
from chassis.security import safe_next

KEYS_FRESH_SECONDS = 300

pages = Blueprint("pages", "auth.pages")


@pages.get("/")
@public
def home() -> Answer:
    """Auth's own front page is one's profile."""
    return redirect(service_url("auth", "/me"))


@pages.get("/login")
@public
def login() -> str | Answer:
    """The sign-in form; who is signed in goes on."""
    if g.identity is not None:
        return redirect(_onward(request.args.get("next")))
    return _form(SignInForm(formdata=None), _onward(request.args.get("next")))


@pages.post("/login")
@public
def sign_in() -> Any:
    """Sign in, then go where the person wanted to go."""
    onward = _onward(request.form.get("next"))
    form = SignInForm()
    if not form.validate():
        return _form(form, onward), 422
    try:
        user, session = entrance.sign_in(form.email.data, form.password.data)
    except WrongCredentials:
        return _form(form, onward, str(refusals[WrongCredentials].sentence)), 401
    return entrance.give_cookie(make_response(redirect(onward, 303)), user, session)


@pages.get("/logout")
@public
def confirm_logout() -> str | Answer:
    """Ask before signing out; a link alone changes nothing."""
    if g.identity is None:
        return redirect(service_url("auth", "/login"))
    return render_template("auth/logout.html")


@pages.post("/logout")
@public
def logout() -> Response:
    """Sign out."""
    answer = make_response(redirect(service_url("auth", "/login"), 303))
    return entrance.take_cookie(answer) if g.identity is None else entrance.sign_out(answer)


@pages.get("/.well-known/jwks.json")
@public
def public_keys() -> Response:
    """The public keys of session tokens, old ones too while keys are being changed.

    Keys of other services are left out: they never speak for people.
    """
    keys = [
        {**key.as_dict(private=False), "use": "sig", "alg": "Ed25519"}
        for key in load_public_keys(runtime.settings.keys).keys
        if str(key.kid).partition(".")[0] == ISSUER_OF_PEOPLE
    ]
    answer = jsonify(keys=keys)
    answer.headers["Cache-Control"] = f"public, max-age={KEYS_FRESH_SECONDS}"
    return answer


def _onward(target: str | None) -> str:
    return safe_next(target, service_url("tasks", "/"))


def _form(form: SignInForm, onward: str, refused: str = "") -> str:
    # What was typed is shown again, but not a card number that slipped into the wrong field.
    form.email.data = without_card_numbers(form.email.data or "")
    return render_template("auth/login.html", form=form, next=onward, refused=refused)

"""A made-up service whose pages use every macro, to test what all pages have in common."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import MetaData
from wtforms import BooleanField, Form, StringField, validators

from chassis.access import allowed, public, signed_in
from chassis.inbox import Handlers
from chassis.openapi import Api
from chassis.service import Link, Service

pages = Blueprint("pages", __name__)


class SeedForm(Form):  # type: ignore[misc]  # the library ships no types
    """What is asked on the page."""

    name = StringField("Name", [validators.Length(max=5)], description="Up to five letters.")
    sure = BooleanField("I am sure")


@pages.get("/")
@signed_in
def first() -> str:
    """The page with everything on it."""
    return render_template("look/first.html", form=SeedForm(), next=request.args.get("next"))


@pages.post("/")
@signed_in
def save() -> Any:
    """Keeps nothing, but says so."""
    form = SeedForm(request.form)
    if not form.validate():
        return render_template("look/first.html", form=form, next=None), 422
    flash(f"Kept: {form.name.data}", "success")
    return redirect(url_for("pages.first"), 303)


@pages.get("/vault")
@pages.get("/vault/<_door>")
@pages.get("/cellar/<_door>")
@allowed("admin")
def vault(_door: str = "") -> str:
    """For admins only."""
    return render_template("look/first.html", form=SeedForm(), next=None)


@pages.get("/broken")
@public
def broken() -> str:
    """Fails."""
    raise ValueError("a secret of the inside")


service = Service(
    name="look",
    package=__name__,
    metadata=MetaData(),
    pages=(pages,),
    api=Api("look", "Nothing but pages."),
    handlers=Handlers(),
    links=(
        Link("First", "/", "house"),
        Link("Vault", "/vault", "safe", roles=frozenset({"admin"}), also=("/cellar",)),
    ),
)

"""English and Russian: which language a request is answered in, and how figures look."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, request
from flask_babel import Babel, format_currency, format_date, format_time, get_locale
from jinja2 import pass_context

LANGUAGES = {"en": "English", "ru": "Русский"}
DEFAULT = "en"


def speak(app: Flask, catalogs: Path | None, timezone: str) -> None:
    """Give the app the translations in `catalogs`."""
    if catalogs:
        app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(catalogs)
    Babel(
        app,
        default_locale=DEFAULT,
        default_timezone=timezone,
        locale_selector=_language,
    )
    for written in (money, day, moment):
        app.add_template_filter(_for_each_reader(written), written.__name__)


def _for_each_reader(written: Callable[[Any], str]) -> Callable[..., str]:
    """A filter that Jinja does not work out once for all readers where its value is fixed."""

    @pass_context
    def filter_(_context: Any, value: Any) -> str:
        return written(value)

    return filter_


def _language() -> str:
    who = g.get("identity")
    if who is not None and who.language in LANGUAGES:
        return str(who.language)
    return request.accept_languages.best_match(list(LANGUAGES)) or DEFAULT if request else DEFAULT


def money(cents: int | None) -> str:
    """An amount of minor units in the company's currency, as the reader's language writes it."""
    if cents is None:
        return ""
    currency = current_app.config["CURRENCY"]
    return str(format_currency(Decimal(cents) / 100, currency))


def day(value: date | None) -> str:
    """A calendar day, in the reader's language."""
    return "" if value is None else str(format_date(value, "medium", rebase=False))


def moment(value: datetime | None) -> str:
    """A moment in the company's time zone, to the minute, in the reader's language."""
    if value is None:
        return ""
    return f"{format_date(value, 'medium')}, {format_time(value, 'short')}"


def language() -> str:
    """The code of the language of this answer."""
    return str(get_locale() or DEFAULT)

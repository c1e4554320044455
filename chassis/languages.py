"""English and Russian: which language a request is answered in, and how figures look."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from flask import Flask, current_app, g, request
from flask_babel import Babel, format_currency, format_date, format_datetime, get_locale

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
    app.add_template_filter(money)
    app.add_template_filter(day)
    app.add_template_filter(moment)


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
    """A moment in the company's time zone, in the reader's language."""
    return "" if value is None else str(format_datetime(value, "medium"))


def language() -> str:
    """The code of the language of this answer."""
    return str(get_locale() or DEFAULT)

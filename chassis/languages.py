"""English and Russian: which language a request is answered in, and how figures look."""

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency
from flask import Flask, current_app, g, request
from flask_babel import Babel, get_locale, get_timezone, gettext
from jinja2 import pass_context, pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

LANGUAGES = {"en": "English", "ru": "Русский"}
DEFAULT = "en"
# A page has a hundred amounts and moments, and writing one takes longer than to fetch its row.
WRITTEN_MOST = 20_000


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
    said = _sayer()
    app.jinja_env.globals.update({"_": said, "gettext": said})


def _sayer() -> Callable[..., str]:
    """`_()` of templates, which looks a sentence up in the catalogs once for each language."""
    spoken: dict[tuple[Locale | None, str], str] = {}

    @pass_eval_context
    def said(context: EvalContext, sentence: str, **variables: Any) -> str:
        key = (get_locale(), sentence)
        text = spoken.get(key)
        if text is None:
            text = spoken[key] = gettext(sentence)
        if context.autoescape:
            text = Markup(text)  # noqa: S704 - the catalogs are ours; what goes in is escaped
        return text % variables if variables or "%" in text else text

    return said


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
    return _amount(cents, current_app.config["CURRENCY"], get_locale() or Locale(DEFAULT))


@lru_cache(WRITTEN_MOST)
def _amount(cents: int, currency: str, locale: Locale) -> str:
    return str(format_currency(Decimal(cents) / 100, currency, locale=locale))


def day(value: date | None) -> str:
    """A calendar day, in the reader's language."""
    return "" if value is None else _day(value, get_locale() or Locale(DEFAULT))


@lru_cache(WRITTEN_MOST)
def _day(value: date, locale: Locale) -> str:
    return str(format_date(value, "medium", locale=locale))


def moment(value: datetime | None) -> str:
    """A moment in the company's time zone, to the minute, in the reader's language."""
    if value is None:
        return ""
    here, locale = value.astimezone(get_timezone()), get_locale() or Locale(DEFAULT)
    return f"{_day(here.date(), locale)}, {_clock(here.hour, here.minute, locale)}"


@lru_cache(WRITTEN_MOST)
def _clock(hour: int, minute: int, locale: Locale) -> str:
    return str(format_time(time(hour, minute), "short", locale=locale))


def language() -> str:
    """The code of the language of this answer."""
    return str(get_locale() or DEFAULT)

"""The Russian catalog says everything that the English pages say."""

import re
from collections.abc import Iterator
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("chassis", "contracts", "popug"),
    *("auth", "tasks", "accounts", "billing", "mailer", "analytics"),
)
KEYWORDS = {**DEFAULT_KEYWORDS, **parse_keywords(["_l", "lazy_gettext", "lazy_ngettext:1,2"])}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%(?:\d\$)?[sd]|\{\w*\}")


@cache
def said() -> frozenset[str | tuple[str, ...]]:
    """Every text in the code and the templates."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        mapping, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    return frozenset(
        text
        for package in PACKAGES
        for _, _, text, _, _ in extract_from_dir(
            ROOT / package, mapping, options, KEYWORDS, comment_tags=()
        )
    )


@cache
def catalog() -> Catalog:
    with (ROOT / "popug/translations/ru/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale="ru", abort_invalid=True)


def messages() -> Iterator[Message]:
    return (message for message in catalog() if message.id)


def forms(text: object) -> tuple[str, ...]:
    """A message's text, or the texts for each number."""
    return tuple(map(str, text)) if isinstance(text, (tuple, list)) else (str(text or ""),)


def texts(message: Message) -> tuple[str, ...]:
    return forms(message.string)


def test_the_search_finds_texts_in_code_and_in_templates() -> None:
    assert "Your role does not allow this." in said()
    assert "Skip to the content" in said()


def test_the_catalog_holds_what_is_said_and_nothing_else() -> None:
    assert {message.id for message in messages()} == said()
    assert not catalog().obsolete


def test_every_text_is_translated_and_looked_over() -> None:
    assert not catalog().fuzzy
    assert [m.id for m in messages() if m.fuzzy or not all(t.strip() for t in texts(m))] == []


def test_translations_keep_the_placeholders() -> None:
    for message in messages():
        wanted = {match.group() for match in PLACEHOLDER.finditer(forms(message.id)[-1])}
        for text in texts(message):
            assert {match.group() for match in PLACEHOLDER.finditer(text)} == wanted, text


def test_numbers_have_the_three_forms_of_russian() -> None:
    assert catalog().num_plurals == 3
    assert all(len(texts(m)) == 3 for m in messages() if isinstance(m.id, tuple))


def test_translations_are_in_russian() -> None:
    english = [m.id for m in messages() if not re.search("[а-яё]", "".join(texts(m)).lower())]
    # Letters on their own: nothing to translate.
    assert [text for text in english if re.search("[a-z]{3}", str(text).lower())] == []


@pytest.mark.parametrize(("number", "form"), [(1, 0), (2, 1), (5, 2), (11, 2), (21, 0), (114, 2)])
def test_the_compiled_catalog_counts_as_russians_do(number: int, form: int) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalog())
    compiled.seek(0)
    spoken = GNUTranslations(compiled)
    counted = [message for message in messages() if isinstance(message.id, tuple)]
    assert counted
    for message in counted:
        one, many = forms(message.id)
        assert spoken.ngettext(one, many, number) == texts(message)[form]

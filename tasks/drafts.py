"""What a person writes when he wants something done, and how it is read (rule 1).

The standard library only, like `domain.py`.
"""

import re
import unicodedata
from dataclasses import dataclass

TITLE_MOST = 200
DESCRIPTION_MOST = 5_000
JIRA_ID_MOST = 32

_JIRA_ID = re.compile(r"\[([A-Z][A-Z0-9]*-[0-9]+)\]\s*")


class DraftRefused(Exception):
    """What was written cannot become a task; `field` is the one to change."""

    field = "title"


class NoTitle(DraftRefused):
    """The title is empty, or nothing in it can be seen."""


class TitleTooLong(DraftRefused):
    """The title has more than TITLE_MOST characters."""


class StrayBrackets(DraftRefused):
    """The title holds a bracket that does not enclose a Jira id at its start."""


class ControlCharacterInTitle(DraftRefused):
    """The title holds a character that is no text, such as a line break."""


class DescriptionTooLong(DraftRefused):
    """The description has more than DESCRIPTION_MOST characters."""

    field = "description"


class ControlCharacterInDescription(DraftRefused):
    """The description holds a character that is no text."""

    field = "description"


@dataclass(frozen=True)
class Draft:
    """What a task is about, checked and taken apart."""

    title: str
    jira_id: str | None = None
    description: str = ""


def draft(title: str, description: str = "") -> Draft:
    """Take apart what was written: `[POPUG-42] Paint the cage` (rule 1). Raises DraftRefused."""
    title = title.strip()
    jira_id = None
    leading = _JIRA_ID.match(title)
    if leading and len(leading[1]) <= JIRA_ID_MOST:
        jira_id, title = leading[1], title[leading.end() :]
    description = description.replace("\r\n", "\n").strip()
    _check_title(title)
    _check_description(description)
    return Draft(title, jira_id, description)


def _check_title(title: str) -> None:
    if not any(c.isprintable() and not c.isspace() for c in title):
        raise NoTitle
    if len(title) > TITLE_MOST:
        raise TitleTooLong
    if "[" in title or "]" in title:
        raise StrayBrackets
    if any(_is_control(c) for c in title):
        raise ControlCharacterInTitle


def _check_description(description: str) -> None:
    if len(description) > DESCRIPTION_MOST:
        raise DescriptionTooLong
    if any(_is_control(c) and c not in "\n\t" for c in description):
        raise ControlCharacterInDescription


def _is_control(character: str) -> bool:
    # Lone surrogates (Cs) are half a character: no database takes them.
    return unicodedata.category(character) in ("Cc", "Cs")

"""Lists by keyset: a cursor names the last row seen, so that pages neither skip nor repeat."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask_babel import lazy_gettext as _l

from chassis.refusals import Problem

T = TypeVar("T")
DEFAULT_LIMIT, MOST = 50, 200


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list; `next` is the cursor of the following one, or None."""

    items: Sequence[T]
    next: str | None = None


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], Sequence[Any]]) -> Page[T]:
    """A page from rows that were asked for with `limit + 1`; `key` gives a row's cursor."""
    if len(rows) <= limit:
        return Page(rows)
    return Page(rows[:limit], write_cursor(key(rows[limit - 1])))


def write_cursor(key: Sequence[Any]) -> str:
    """A cursor from plain JSON values."""
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The values of a cursor, which must be of these types. Raises Problem (422)."""
    if not cursor:
        return None
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as broken:
        raise _bad_cursor() from broken
    if (
        not isinstance(values, list)
        or len(values) != len(kinds)
        or any(type(value) is not kind for value, kind in zip(values, kinds, strict=True))
        or not all(_can_be_stored(value) for value in values)
    ):
        raise _bad_cursor()
    return tuple(values)


def _can_be_stored(value: Any) -> bool:
    """Whether a database would take it: integers of 64 bits, text without lone surrogates."""
    if isinstance(value, int):
        return abs(value) < 2**63
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return True


def _bad_cursor() -> Problem:
    return Problem(422, _l("`after` must be the `next` of an earlier page."))

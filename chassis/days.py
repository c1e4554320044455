"""Days as people and programs write them, and the ranges of days that they ask for.

A day is written like 2026-03-10 and in no other way: the other ISO forms (20260310,
2026-W11-2) are refused, so that one day has one address.
"""

from datetime import date, timedelta
from typing import Annotated, Any

from flask_babel import lazy_gettext as _l
from pydantic import BeforeValidator, ConfigDict, Field

from chassis.openapi import Listing
from chassis.paging import MOST
from chassis.refusals import Problem

DEFAULT_DAYS, MOST_DAYS = 30, 400


class NotADay(Problem):
    """The text is no calendar day written like 2026-03-10."""

    def __init__(self) -> None:
        super().__init__(422, _l("Write the day like 2026-03-10."))


class WrongRange(Problem):
    """The range ends before it begins, is too long, or reaches into the future."""

    def __init__(self, most: int = MOST_DAYS) -> None:
        super().__init__(
            422,
            _l(
                "Ask for a range of at most %(most)s days that begins before it ends "
                "and does not reach into the future.",
                most=most,
            ),
        )


def read_day(text: str) -> date:
    """The day that a text like 2026-03-10 names. Raises NotADay."""
    if len(text) != 10 or not text.isascii() or text[4] + text[7] != "--":
        raise NotADay
    try:
        return date.fromisoformat(text)
    except ValueError as broken:
        raise NotADay from broken


def asked_range(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """First and last of the days asked for, both included. Raises WrongRange.

    What is missing makes it 30 days, up to today.
    """
    last = last or today
    if first is None:
        # The calendar begins at some point, and cannot be left there.
        first = date.min + max(timedelta(0), last - date.min - timedelta(days=DEFAULT_DAYS - 1))
    if last > today or first > last or (last - first).days >= MOST_DAYS:
        raise WrongRange
    return first, last


def _written(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return read_day(value)
    except NotADay as refused:
        raise ValueError("write the day like 2026-03-10") from refused


# A field of a query or a body that holds a day.
WrittenDay = Annotated[date, BeforeValidator(_written)]


class DaysQuery(Listing):
    """From–to, at most 400 days; without them the last 30 days up to today."""

    model_config = ConfigDict(extra="forbid", validate_by_alias=True)

    first: WrittenDay | None = Field(None, alias="from")
    last: WrittenDay | None = Field(None, alias="to")
    limit: int = Field(MOST, ge=1, le=MOST)

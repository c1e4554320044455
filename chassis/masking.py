"""Card numbers in free text, put out of sight before they are stored or logged.

People paste them where they do not belong: into a title, a reason, an address. A card
number (`card_numbers`) is written in one piece, in groups of at least three digits, or in
fours with what is left over at the end. An id of ours (`ids`) is none, whatever digits
chance put into it: one in some ten thousand would be taken for a card otherwise.
"""

import re
from typing import Any

from chassis.card_numbers import LONGEST, SHORTEST, is_card_number

HIDDEN = "••••"

_ID = re.compile(
    r"(?<![0-9a-f])([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})(?![0-9a-f])"
)
_RUN = re.compile(r"[0-9]+(?:[ -][0-9]+)*")
_GROUP_LEAST = 3
_FOURS = 4


def without_card_numbers(text: str) -> str:
    """The text with each card number in it replaced by four dots."""
    pieces = _ID.split(text)  # what stands between ids, and each second one an id
    pieces[::2] = [_RUN.sub(lambda run: _masked_run(run[0]), piece) for piece in pieces[::2]]
    return "".join(pieces)


def masked(value: Any) -> Any:
    """The same for a value of a log line: texts, numbers, and what holds them."""
    if isinstance(value, str):
        return without_card_numbers(value)
    if isinstance(value, bool | float | None):
        return value
    if isinstance(value, dict):
        return {masked(name): masked(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(each) for each in value]
    shown = repr(value)
    hidden = without_card_numbers(shown)
    return value if hidden == shown else hidden


def _masked_run(run: str) -> str:
    if len(run) < SHORTEST:
        return run
    parts = re.split("([ -])", run)  # groups of digits, each followed by what separates them
    said: list[str] = []
    start = 0
    while start < len(parts):
        end = _end_of_card(parts, start)
        if end is None:
            said += parts[start : start + 2]
            start += 2
        else:
            said += [HIDDEN, *parts[end : end + 1]]
            start = end + 1
    return "".join(said)


def _end_of_card(parts: list[str], start: int) -> int | None:
    """Where the card number ends that begins at this group; None if none does."""
    digits = ""
    found = None
    fours = True
    for place in range(start, len(parts), 2):
        group = parts[place]
        digits += group
        whole = len(group) >= _GROUP_LEAST
        if len(digits) > LONGEST or not (whole or fours):
            break
        if is_card_number(digits):
            found = place + 1
        if not whole:
            break
        fours = fours and len(group) == _FOURS
    return found

"""Looks for card numbers in anything: as they are, spaced, reversed, in hex, base64, URLs."""

import base64
import binascii
import random
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

from chassis.card_numbers import FIRST_DIGITS, LONGEST, SHORTEST

WINDOW = 12
# Between two digits of one number: what people write, and the zero bytes of UTF-16.
_DIGITS = re.compile(rb"[0-9](?:[ \-+_.,/\x00]{0,3}[0-9]){11,}")
_HEX = re.compile(rb"[0-9A-Fa-f]{24,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}")


def card_numbers(count: int, chance: random.Random) -> list[str]:
    """So many different numbers that billing takes, of each length and first digit in turn."""
    kinds = [(length, first) for length in range(SHORTEST, LONGEST + 1) for first in FIRST_DIGITS]
    found: dict[str, None] = {}
    while len(found) < count:
        length, first = kinds[len(found) % len(kinds)]
        digits = first + "".join(chance.choices("0123456789", k=length - 2))
        found[digits + _check_digit(digits)] = None
    return list(found)


def _check_digit(digits: str) -> str:
    doubled = [int(d) * 2 for d in digits[::-2]]
    total = sum(d - 9 if d > 9 else d for d in doubled) + sum(int(d) for d in digits[-2::-2])
    return str(-total % 10)


class Finder:
    """Finds any twelve digits in a row of any of the numbers."""

    def __init__(self, numbers: Iterable[str]) -> None:
        self._windows = {
            window: number
            for number in numbers
            for digits in (number, number[::-1])
            for window in _windows(digits.encode())
        }

    def found(self, data: bytes) -> set[str]:
        """The numbers that `data` holds in whatever form."""
        hits = set(self._plain(data))
        if b"%" in data:
            hits |= set(self._plain(unquote_to_bytes(data)))
        for decoded in _decoded(data):
            hits |= set(self._plain(decoded))
        return hits

    def _plain(self, data: bytes) -> Iterator[str]:
        for run in _DIGITS.finditer(data):
            digits = re.sub(rb"[^0-9]", b"", run[0])
            for window in _windows(digits):
                if window in self._windows:
                    yield self._windows[window]


def _windows(digits: bytes) -> Iterator[bytes]:
    for start in range(len(digits) - WINDOW + 1):
        yield digits[start : start + WINDOW]


def _decoded(data: bytes) -> Iterator[bytes]:
    """What is hidden in hex and base64, at each offset at which it may begin."""
    for run in _HEX.finditer(data):
        for start in range(2):
            text = run[0][start:]
            yield binascii.unhexlify(text[: len(text) // 2 * 2])
    for run in _BASE64.finditer(data):
        text = run[0].replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            piece = text[start:]
            yield base64.b64decode(piece[: len(piece) // 4 * 4])

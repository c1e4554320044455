"""What looks for card numbers finds one in each form; it is trusted only for that."""

import base64
import json
import random
from collections.abc import Callable
from urllib.parse import quote

import pytest

from billing.domain_cards import card_number
from tests.canaries.finder import Finder, card_numbers

NUMBER = next(number for number in card_numbers(35, random.Random(1)) if len(number) == 16)
SPACED = " ".join(NUMBER[i : i + 4] for i in range(0, 16, 4))


def test_the_numbers_are_card_numbers_and_all_different() -> None:
    numbers = card_numbers(1_000, random.Random(7))
    assert len(set(numbers)) == 1_000
    assert all(card_number(number).digits == number for number in numbers)


@pytest.mark.parametrize(
    "form",
    [
        lambda: NUMBER,
        lambda: SPACED,
        lambda: SPACED.replace(" ", "-"),
        lambda: SPACED.replace(" ", ", "),
        lambda: NUMBER[:-1] + "x",
        lambda: NUMBER[:12],
        lambda: NUMBER[4:],
        lambda: NUMBER[::-1],
        lambda: NUMBER.encode("utf-16-le").decode("latin-1"),
        lambda: quote(SPACED),
        lambda: "".join(f"%{ord(digit):02x}" for digit in NUMBER),
        lambda: SPACED.replace(" ", "+"),
        lambda: NUMBER.encode().hex(),
        lambda: "a" + NUMBER.encode().hex().upper(),
        lambda: SPACED.encode().hex(),
        *(lambda n=n: base64.b64encode(b"x" * n + NUMBER.encode()).decode() for n in range(3)),
        lambda: base64.urlsafe_b64encode(json.dumps({"card": SPACED}).encode()).decode(),
        lambda: json.dumps({"n": int(NUMBER)}),
    ],
)
def test_a_number_is_found_in_this_form(form: Callable[[], str]) -> None:
    data = f"before\x00 {form()} \x01 after".encode("latin-1")
    assert Finder([NUMBER]).found(data) == {NUMBER}


def test_other_digits_are_not_taken_for_it() -> None:
    others = card_numbers(200, random.Random(2))
    parts = [NUMBER[:11], "and", NUMBER[-4:], "019a1b2c-3d4e-7000-8000-0123456789ab"]
    text = " ".join([*others, *parts])
    assert Finder([NUMBER]).found(text.encode()) == set()

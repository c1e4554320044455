"""Which characters are a card number (rule 13)."""

import random
from collections.abc import Callable

import pytest

from billing import domain_cards
from billing.domain_cards import CardNumber, NotACardNumber, card_number, without_card_numbers
from chassis import masking
from tests.canaries.finder import card_numbers

# Two of each length and first digit, and then some.
OF_ALL_KINDS = card_numbers(200, random.Random(7))


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("4242424242424242", "4242424242424242"),
        ("4242 4242 4242 4242", "4242424242424242"),
        (" 4242-4242-4242-4242 ", "4242424242424242"),
        ("378282246310005", "378282246310005"),
        ("4222222222222", "4222222222222"),  # 13 digits
        ("6304000000000000000", "6304000000000000000"),  # 19 digits
    ],
)
def test_good_numbers(text: str, digits: str) -> None:
    assert card_number(text).digits == digits


@pytest.mark.parametrize(
    "text",
    [
        "",
        " - ",
        "4242424242424241",  # the last digit does not check
        "18",  # checks, but is too short
        "500000001239",  # 12 digits
        "9712345678901231",  # no bank's
        "42424242424242424242",  # 20 digits
        "0000000000000000",
        "4242\t4242\t4242\t4242",
        "4242.4242.4242.4242",
        "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",  # digits, but not those of a card
        "4242424242424242\n",
        "x" * 10_000,
        "4" * 10_000,
    ],
)
def test_bad_numbers_are_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(NotACardNumber) as refused:
        card_number(text)
    assert str(refused.value) == ""
    assert refused.value.args == ()


def test_a_card_number_shows_no_more_than_four_digits_of_itself() -> None:
    number = CardNumber("4242424242424242")
    for shown in (str(number), repr(number), f"{number}"):
        assert "42424" not in shown
    assert number.last4 == "4242"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("card 4242424242424242 declined", "card •••• declined"),
        ("4242 4242 4242 4242 17", "••••"),
        ("day 2026-03-10, 1250 cents", "day 2026-03-10, 1250 cents"),
        ("reference 100000000001", "reference 100000000001"),
    ],
)
def test_what_could_be_a_card_number_is_put_out_of_sight(text: str, shown: str) -> None:
    assert without_card_numbers(text) == shown


def _in_fours(number: str, by: str) -> str:
    return by.join(number[start : start + 4] for start in range(0, len(number), 4))


@pytest.mark.parametrize("hide", [masking.without_card_numbers, domain_cards.without_card_numbers])
@pytest.mark.parametrize(
    "written",
    [
        lambda number: number,
        lambda number: _in_fours(number, " "),
        lambda number: _in_fours(number, "-"),
        lambda number: f"{number[:4]} {number[4:10]} {number[10:]}",
    ],
    ids=["in one piece", "spaced", "dashed", "four and six"],
)
def test_whatever_is_taken_is_put_out_of_sight_elsewhere(
    hide: Callable[[str], str], written: Callable[[str], str]
) -> None:
    for number in OF_ALL_KINDS:
        text = written(number)
        assert card_number(text).digits == number
        assert hide(f"pay to {text}, soon") == "pay to ••••, soon"


def test_numbers_of_every_length_and_first_digit_were_tried() -> None:
    kinds = {(len(number), number[0]) for number in OF_ALL_KINDS}
    assert kinds == {(length, first) for length in range(13, 20) for first in "23456"}


@pytest.mark.parametrize("length", range(1, 25))
@pytest.mark.parametrize("first", "0123456789")
def test_nothing_else_is_taken_and_nothing_else_is_masked(length: int, first: str) -> None:
    taken = 13 <= length <= 19 and first in "23456"
    for rest in range(10):
        digits = f"{first}{rest}".ljust(length, "0")[:length]
        try:
            found = card_number(digits).digits
        except NotACardNumber:
            assert masking.without_card_numbers(digits) == digits
        else:
            assert taken and found == digits
            assert masking.without_card_numbers(digits) == "••••"

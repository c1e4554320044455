"""Which characters are a card number (rule 13)."""

import pytest

from billing.domain import CardNumber, NotACardNumber, card_number, without_card_numbers


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("4242424242424242", "4242424242424242"),
        ("4242 4242 4242 4242", "4242424242424242"),
        (" 4242-4242-4242-4242 ", "4242424242424242"),
        ("378282246310005", "378282246310005"),
        ("000000000018", "000000000018"),  # 12 digits
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
        "00000000018",  # 11 digits
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

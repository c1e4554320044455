"""A card number in free text is put out of sight, and what is none stays as it is."""

import pytest

from chassis.ids import new_id
from chassis.masking import masked, without_card_numbers

VISA, AMEX, LONG = "4539578763621486", "378282246310005", "6304000000000000000"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (VISA, "••••"),
        ("to 4539 5787 6362 1486, please", "to ••••, please"),
        ("4539-5787-6362-1486", "••••"),
        (f"{VISA} and {AMEX}", "•••• and ••••"),
        ("3782 822463 10005", "••••"),
        ("until 2026 4539 5787 6362 1486 again", "until 2026 •••• again"),
        ("4539 5787 6362 1486 737 was on it", "•••• 737 was on it"),
        ("4222 2222 2222 2, soon", "••••, soon"),
        ("2222-4000-7000-0005", "••••"),
        (LONG, "••••"),
        (f"x{VISA}y", "x••••y"),
        (
            f"{VISA} 01a1ff83-2022-7393-b215-9333975466df {VISA}",
            "•••• 01a1ff83-2022-7393-b215-9333975466df ••••",
        ),
    ],
)
def test_a_card_number_is_put_out_of_sight(text: str, seen: str) -> None:
    assert without_card_numbers(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "4539578763621487",  # does not check
        "1763692491123456784",  # nanoseconds
        "2026-11-21 2026-11-22",
        "call +7 495 123-45-67 8 800 555-35-35",
        "0000000000000000",
        "500000001239",  # 12 digits
        "9712345678901231",
        "8600 1234 5678 9012",
        "+62 812 3456 7891",
        "from 10 to 20 dollars, 42 times",
        "123",
        "",
        "Ёжик 4539",
        VISA + "4539578763621486",
        "01a1ff83-2022-7393-b215-9333975466df",
        "5 01a1ff83-2022-7393-b215-9333975466df,01a1ff83-2022-7393-b215-9333975466df 7",
    ],
)
def test_what_is_no_card_number_stays(text: str) -> None:
    assert without_card_numbers(text) == text


def test_ids_stay() -> None:
    for _ in range(2_000):
        identifier = new_id()
        assert without_card_numbers(identifier) == identifier


def test_values_of_log_lines_are_looked_through() -> None:
    class Odd:
        def __repr__(self) -> str:
            return f"<Odd {VISA}>"

    plain = object()
    line = {"path": f"/x/{VISA}", "n": int(VISA), "ids": (VISA, 5), "odd": Odd(), "plain": plain}
    assert masked(line) == {
        "path": "/x/••••",
        "n": "••••",
        "ids": ["••••", 5],
        "odd": "<Odd ••••>",
        "plain": plain,
    }
    assert masked([True, None, 1.5, 7]) == [True, None, 1.5, 7]

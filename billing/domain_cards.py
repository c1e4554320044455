"""What a card number is, and how one is kept out of sight (rule 13)."""

import re
from dataclasses import dataclass, field

from chassis.card_numbers import LONGEST, SHORTEST, is_card_number

_RUN = re.compile(rf"[0-9](?:[ -]?[0-9]){{{SHORTEST - 1},}}")


class NotACardNumber(Exception):
    """These characters are no card number. They are not part of the error, on purpose."""


class CardKeyRetired(Exception):
    """A process would seal with a key that is retired: its file of keys is an old one."""


class CardKeyInUse(Exception):
    """A key cannot be retired while cards need it."""

    def __init__(self, key_id: str, cards: int) -> None:
        super().__init__(f"{cards} cards need the key {key_id}")
        self.key_id = key_id
        self.cards = cards


@dataclass(frozen=True)
class CardNumber:
    """A checked card number that does not show itself when it is printed."""

    digits: str = field(repr=False)

    @property
    def last4(self) -> str:
        return self.digits[-4:]

    def __str__(self) -> str:
        return f"•••• {self.last4}"


def card_number(text: str) -> CardNumber:
    """The card number in `text`, which may hold spaces and dashes. Raises NotACardNumber."""
    digits = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"[0-9]+", digits) or not is_card_number(digits):
        raise NotACardNumber
    return CardNumber(digits)


def without_card_numbers(text: str) -> str:
    """The text with every run of digits that could hold a card number put out of sight."""
    return _RUN.sub(_hidden, text)


def _hidden(run: re.Match[str]) -> str:
    digits = re.sub(r"[ -]", "", run[0])
    lengths = range(SHORTEST, LONGEST + 1)
    parts = (digits[i : i + n] for n in lengths for i in range(len(digits) - n + 1))
    return "••••" if any(is_card_number(part) for part in parts) else run[0]

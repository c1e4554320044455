"""What a card number is: for who takes one, and for who puts one out of sight.

Here once, so that nothing is taken that is not known for a card number elsewhere. The
standard library only: a domain may use it (docs/decisions/0032).
"""

SHORTEST, LONGEST = 13, 19
# The first digit tells what kind of company has issued it: these are banks and merchants.
FIRST_DIGITS = "23456"


def is_card_number(digits: str) -> bool:
    """Whether these ASCII digits are all of a card number (ISO/IEC 7812-1)."""
    return (
        SHORTEST <= len(digits) <= LONGEST and digits[0] in FIRST_DIGITS and _sum(digits) % 10 == 0
    )


def _sum(digits: str) -> int:
    """What the last digit must bring to a multiple of ten (annex B)."""
    doubled = [int(d) * 2 for d in digits[-2::-2]]
    return sum(int(d) for d in digits[::-2]) + sum(d - 9 if d > 9 else d for d in doubled)

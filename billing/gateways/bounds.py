"""What an answer of a gateway may hold, so that it can be kept: anything else is no answer."""

import re
from typing import Any

# As in the events: below 2**53, so that every JSON reader agrees on the number.
CENTS_MOST = 9_000_000_000_000
# As long as the columns that keep it.
REFERENCE_MOST = 191
REFERENCE = re.compile(r"[!-~]+")


def bounded_reference(said: Any) -> str:
    """How the gateway calls a payment: plain ASCII of a length that is kept. Raises ValueError."""
    if not isinstance(said, str) or len(said) > REFERENCE_MOST or not REFERENCE.fullmatch(said):
        raise ValueError("no reference")
    return said


def bounded_cents(said: Any) -> int:
    """What the gateway says that it has paid. Raises ValueError."""
    if type(said) is not int or not 0 <= said <= CENTS_MOST:
        raise ValueError("no amount")
    return said

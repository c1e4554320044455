"""The statuses of a payout in plain words, with their colours; and why it has moved."""

import re
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from billing.domain import PayoutStatus as S

# status: (its name, the tone of its badge)
STATUSES: dict[S, tuple[Any, str]] = {
    S.WAITING_FOR_CARD: (_l("waiting for a card"), "warning"),
    S.READY: (_l("ready"), "secondary"),
    S.SENDING: (_l("sending"), "info"),
    S.SUCCEEDED: (_l("succeeded"), "success"),
    S.FAILED: (_l("failed"), "danger"),
    S.UNKNOWN: (_l("unknown"), "warning"),
    S.CANCELLED: (_l("cancelled"), "secondary"),
}

# What it means to the popug, and what he can do.
MEANINGS: dict[S, Any] = {
    S.WAITING_FOR_CARD: _l("We have no card of yours. Store one, and this goes out by itself."),
    S.READY: _l("It goes to the bank in a moment."),
    S.SENDING: _l("It is on its way to the bank."),
    S.SUCCEEDED: _l("The bank has paid it to your card."),
    S.FAILED: _l(
        "The bank has refused it. Store another card if this one is not right, and ask an "
        "accountant to send it again."
    ),
    S.UNKNOWN: _l(
        "The bank has not answered. We keep asking, and it is never paid twice; "
        "there is nothing that you must do."
    ),
    S.CANCELLED: _l("It was cancelled, and the money is back on your account."),
}

# Why a payout has moved, as billing and the sandbox bank note it.
WHYS: dict[str, Any] = {
    "requested by accounts": _l("requested by accounts"),
    "there is no card": _l("there is no card"),
    "a card was stored": _l("a card was stored"),
    "the card was removed": _l("the card was removed"),
    "accepted": _l("accepted"),
    "its sender fell silent": _l("its sender fell silent"),
    "no answer": _l("no answer"),
    "sent again by hand": _l("sent again by hand"),
    "card declined": _l("card declined"),
}
_ATTEMPT = re.compile(r"attempt (\d+) at (\S+)")


def why(noted: str) -> str:
    """A noted reason in the reader's language; what people and banks wrote stays as it is."""
    attempt = _ATTEMPT.fullmatch(noted)
    if attempt:
        return str(_("attempt %(number)s at %(gateway)s", number=attempt[1], gateway=attempt[2]))
    return str(WHYS.get(noted, noted))

"""The statuses of a payout in plain words, with their colours."""

from typing import Any

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

"""The statuses of a payout in plain words, with their colours; and why it has moved."""

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from billing.answers import WRONG_AMOUNT
from billing.commands import BILLING
from billing.domain import ListedPayout, Payout
from billing.domain import PayoutStatus as S
from billing.gateways.bank import BankGateway
from billing.gateways.yookassa import YooKassaGateway
from contracts.billing import RETURNED

# status: (its name, the tone of its badge)
STATUSES: dict[S, tuple[Any, str]] = {
    S.WAITING_FOR_CARD: (_l("waiting for a card"), "warning"),
    S.READY: (_l("ready"), "secondary"),
    S.SENDING: (_l("sending"), "info"),
    S.SUCCEEDED: (_l("succeeded"), "success"),
    S.FAILED: (_l("failed"), "danger"),
    S.UNKNOWN: (_l("unknown"), "warning"),
    S.NEEDS_PERSON: (_l("waits for a person"), "danger"),
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
    S.NEEDS_PERSON: _l(
        "The bank could not tell us whether it has paid. An accountant is finding out; it is "
        "never paid twice, and there is nothing that you must do."
    ),
    S.CANCELLED: _l("It was cancelled, and the money is back on your account."),
}

OTHER_AMOUNT = _l(
    "The bank has paid another amount than this. An accountant is settling it; there is nothing "
    "that you must do."
)
CAME_BACK = _l(
    "The bank had paid it, and the money has come back. Store another card if this one is not "
    "right, and ask an accountant to send it again."
)

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
    "the gateway is at work on it": _l("the gateway is at work on it"),
    "the gateway may have forgotten the key": _l("the gateway may have forgotten the key"),
    "it was sent under another account of the gateway": _l(
        "it was sent under another account of the gateway"
    ),
    WRONG_AMOUNT: _l("the bank has paid another amount"),
    "the stored card could not be read; store it again": _l(
        "the stored card could not be read; store it again"
    ),
    "the key of the card is not there": _l("the key of the card is not there"),
    "the bank cannot be reached": _l("the bank cannot be reached"),
    "the bank is busy": _l("the bank is busy"),
    "the bank does not take our key": _l("the bank does not take our key"),
    "the keys of YooKassa are not set": _l("the keys of YooKassa are not set"),
    "YooKassa cannot be reached": _l("YooKassa cannot be reached"),
    "YooKassa is busy": _l("YooKassa is busy"),
}
# What has come of a person's question (`asking`).
BANK_SAYS: dict[str | None, Any] = {
    None: _l("it has not answered yet"),
    "returned": _l("it says that the money has come back"),
    "paid": _l("it says that it has paid"),
    "begun": _l("it says that it is still at work on it"),
    "refused": _l("it says that it has not paid"),
    "not_found": _l("it does not know this payout"),
    "no_answer": _l("it has not answered for a day; ask it again when it is well"),
    "other_account": _l(
        "it cannot be asked: the payout was sent under another account of ours than is set now"
    ),
}
# Who has moved a payout or settled a claim, where no person has.
PARTS: dict[str, Any] = {
    BILLING: _l("the system"),
    BankGateway.name: _l("the bank"),
    YooKassaGateway.name: "YooKassa",
}
_ATTEMPT = re.compile(r"attempt (\d+) at (\S+)")


def meaning(payout: Payout | ListedPayout) -> Any:
    """What a payout's status means to its popug."""
    if payout.status is S.NEEDS_PERSON and payout.reason == WRONG_AMOUNT:
        return OTHER_AMOUNT
    came_back = payout.status is S.FAILED and (payout.reason or "").startswith(f"{RETURNED}: ")
    return CAME_BACK if came_back else MEANINGS[payout.status]


def who(by: str, names: Mapping[str, str]) -> str:
    """Who has done something: a person by his name, or a part of the system."""
    return str(PARTS[by]) if by in PARTS else names[by]


def bank_says(answer: str | None) -> str:
    """What the bank has said to a question of a person."""
    return str(BANK_SAYS[answer])


def why(noted: str) -> str:
    """A noted reason in the reader's language; what people and banks wrote stays as it is."""
    attempt = _ATTEMPT.fullmatch(noted)
    if attempt:
        return str(_("attempt %(number)s at %(gateway)s", number=attempt[1], gateway=attempt[2]))
    start, colon, rest = noted.partition(": ")
    if colon and start == RETURNED:
        return str(_("returned by the bank: %(reason)s", reason=why(rest)))
    return str(WHYS.get(noted, noted))

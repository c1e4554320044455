"""YooKassa's payouts to bank cards (https://yookassa.ru/developers/api, version 3).

It pays once under an Idempotence-Key within 24 hours, and says nothing certain with a 5xx.
It knows no payout by that key; so the key is put into the payout's metadata as well, by
which it can be searched for. What the search does not find is sent again under the same key
while that is fresh, which pays at most once (docs/decisions/0037).
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import requests

from billing.domain_cards import CardNumber
from billing.gateway import (
    Accepted,
    AnotherKey,
    Answer,
    AnswerLost,
    Begun,
    BookLine,
    Forged,
    NoBook,
    NotFound,
    Notice,
    Refused,
)
from billing.gateways.bounds import CENTS_MOST, bounded_reference
from billing.gateways.calls import NeverReached, call
from chassis.settings import Settings

KEY_LIFETIME = timedelta(hours=24)
PAYOUT_KEY = "payout_key"
TOLD = frozenset({"payout.succeeded", "payout.canceled"})
# Codes and names of parameters are such words; free text could quote the card.
WORD = re.compile(r"[A-Za-z][A-Za-z_.-]{0,99}")


class YooKassaGateway:
    """YooKassa at POPUG_YOOKASSA_URL, as the agent POPUG_YOOKASSA_AGENT_ID."""

    name = "yookassa"

    def __init__(self, settings: Settings) -> None:
        self.patience_seconds = settings.gateway_patience_seconds
        self.key_lifetime = min(KEY_LIFETIME, timedelta(seconds=settings.gateway_key_seconds))
        # A key is known to the agent that has sent it, and to no other.
        self.account = settings.yookassa_agent_id
        self._url = settings.yookassa_url
        self._auth = settings.yookassa_agent_id.encode(), settings.yookassa_secret.encode()

    def pay(self, key: str, amount: int, currency: str, card_number: CardNumber) -> Answer:
        if not all(self._auth):
            return Refused("the keys of YooKassa are not set", final=False)
        # All of it is made of the payout alone: under a used key another body is refused.
        said = {
            "amount": {"value": f"{amount // 100}.{amount % 100:02}", "currency": currency},
            "payout_destination_data": {
                "type": "bank_card",
                "card": {"number": card_number.digits},
            },
            "description": f"Popug payout {key}",
            "metadata": {PAYOUT_KEY: key},
        }
        try:
            answer = self._call("POST", "/payouts", json=said, headers={"Idempotence-Key": key})
        except NeverReached:
            return Refused("YooKassa cannot be reached", final=False)
        if answer.status_code == 429:
            return Refused("YooKassa is busy", final=False)
        if answer.status_code in (401, 403):
            # Wrong keys are no fault of the payout's: it goes out once they are right.
            return Refused(f"YooKassa answered {answer.status_code}", final=False)
        if answer.status_code == 400:
            return Refused(_error(answer), final=True, this_call_only=True)
        return _answer(_said(answer), key, currency)

    def ask(self, key: str, reference: str | None = None) -> Answer | NotFound:
        try:
            if reference:
                # It never forgets an id, so a 404 here is no answer: the keys are another's.
                return _answer(
                    _said(self._call("GET", f"/payouts/{quote(reference, safe='')}")), key
                )
            asked = {f"metadata[{PAYOUT_KEY}]": key}
            answer = self._call("GET", "/payouts/search", params=asked)
        except NeverReached:
            raise AnswerLost("NeverReached") from None
        if answer.status_code == 404:
            return NotFound()  # there is no search, so that only sending it again can tell
        items = _said(answer).get("items")
        if not isinstance(items, list):
            raise AnswerLost("no list")
        found = [item for item in items if _key(item) == key]
        if len(found) > 1:
            raise AnswerLost("more than one payout under the key")
        return _answer(found[0], key) if found else NotFound()

    def book(
        self,
        since: datetime,  # noqa: ARG002 - of no time
        until: datetime,  # noqa: ARG002
    ) -> Iterable[BookLine]:
        raise NoBook

    def _call(self, method: str, path: str, **said: Any) -> requests.Response:
        return call(method, self._url + path, self.patience_seconds, auth=self._auth, **said)


def read_notice(body: bytes) -> Notice:
    """What somebody says that YooKassa tells: nothing is signed. Raises Forged.

    `key` is empty where it names none.
    """
    try:
        said = json.loads(body)
        event, about = said["event"], said["object"]
        key, reference = _key(about), about["id"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as broken:
        raise Forged from broken
    if event not in TOLD or not isinstance(reference, str):
        raise Forged
    return Notice(key, reference, event)


def _key(item: Any) -> str:
    """The key in a payout's metadata; empty if there is none."""
    metadata = item.get("metadata") if isinstance(item, dict) else None
    key = metadata.get(PAYOUT_KEY) if isinstance(metadata, dict) else None
    return key if isinstance(key, str) else ""


def _said(answer: requests.Response) -> dict[str, Any]:
    if answer.status_code != 200:
        raise AnswerLost(f"status {answer.status_code}")
    try:
        said = answer.json()
    except (ValueError, RecursionError):
        raise AnswerLost("no JSON") from None
    if not isinstance(said, dict):
        raise AnswerLost("no object")
    return said


def _answer(said: dict[str, Any], key: str, currency: str | None = None) -> Answer:
    """A payout object as an answer about the key. Raises AnswerLost if it is none."""
    if _key(said) != key:
        raise AnotherKey
    try:
        status, reference = said["status"], bounded_reference(said["id"])
        if currency and said["amount"]["currency"] != currency:
            raise AnswerLost("another currency")
        if status == "succeeded":
            return Accepted(reference, _cents(said["amount"]["value"]))
        if status == "pending":
            return Begun(reference)
        if status == "canceled":
            details = said["cancellation_details"]
            return Refused(f"YooKassa: {_words(details, 'party', 'reason')}", final=True)
    except (ValueError, KeyError, TypeError, ArithmeticError) as broken:
        raise AnswerLost(type(broken).__name__) from None
    raise AnswerLost("an unknown status")


def _cents(value: str) -> int:
    cents = Decimal(value) * 100
    if not 0 <= cents <= CENTS_MOST or cents != int(cents):
        raise ValueError("no whole cents")
    return int(cents)


def _error(answer: requests.Response) -> str:
    """Its own refusal of a request. Raises AnswerLost if somebody else has answered."""
    try:
        said = answer.json()
        if said["type"] != "error":
            raise AnswerLost("a foreign 400")
        return f"YooKassa: {_words(said, 'code', 'parameter')}"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise AnswerLost("a foreign 400") from None


def _words(said: dict[str, Any], *names: str) -> str:
    words = (said.get(name) for name in names)
    return ", ".join(w for w in words if isinstance(w, str) and WORD.fullmatch(w)) or "no reason"

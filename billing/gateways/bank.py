"""The sandbox bank: a stranger with a book of its own, asked over HTTP.

It is at POPUG_BANK_URL, or else a guest of this process and asked without a socket.
Whatever is not an answer in its own format leaves open whether it has paid; only a
connection that was never made is certain.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy import Row

from billing import old_book
from billing.domain_cards import CardNumber
from billing.gateway import (
    Accepted,
    AnotherKey,
    Answer,
    AnswerLost,
    Begun,
    BookLine,
    Forged,
    NotFound,
    Notice,
    Refused,
    Returned,
)
from billing.gateways.bounds import bounded_cents, bounded_reference
from billing.gateways.calls import NeverReached, Said, call, call_app
from chassis.guests import guest_secret
from chassis.runtime import Runtime
from chassis.settings import Settings

GUEST = "bank"
# How far the clocks of a bank and of ours may be apart, the way of a notice included.
SIGNED_WITHIN_SECONDS = 300
NOT_OUR_KEY = (401, 403)


def guests(settings: Settings) -> tuple[str, ...]:
    """Whom billing has beside it: the bank that pays what is new, if it is nowhere else."""
    return (GUEST,) if settings.gateway == BankGateway.name and not settings.bank_url else ()


class BankGateway:
    """The bank at POPUG_BANK_URL, or in this process."""

    name = "sandbox"
    account = ""

    def __init__(self, runtime: Runtime) -> None:
        self._settings = runtime.settings
        self._guests = runtime.guests
        self._database = runtime.database
        self._log = runtime.log
        self.patience_seconds = self._settings.gateway_patience_seconds
        self.key_lifetime = timedelta(seconds=self._settings.gateway_key_seconds)

    def pay(self, key: str, amount: int, currency: str, card_number: CardNumber) -> Answer:
        said = {"amount": amount, "currency": currency, "card_number": card_number.digits}
        try:
            answer = self.call("POST", "/v1/payouts", json=said, headers={"Idempotence-Key": key})
        except NeverReached:
            return Refused("the bank cannot be reached", final=False)
        if answer.status_code == 429:
            return Refused("the bank is busy", final=False)
        if answer.status_code in NOT_OUR_KEY:
            # A wrong key is no fault of the payout's: it goes out once the key is right.
            return Refused("the bank does not take our key", final=False)
        if answer.status_code == 400:
            return Refused("the bank answered 400", True, this_call_only=True)
        return _answer(answer, key)

    def ask(self, key: str, reference: str | None = None) -> Answer | NotFound:
        path = f"/v1/transfers/{quote(reference)}" if reference else f"/v1/payouts/{quote(key)}"
        try:
            answer = self.call("GET", path)
        except NeverReached as away:
            raise AnswerLost from away
        if answer.status_code == 404:
            return NotFound()
        return _answer(answer, key)

    def book(self, since: datetime, until: datetime) -> Iterable[BookLine]:
        # What the bank takes over meanwhile is in both; so ours first.
        old = self._database.read(old_book.lines, since, until)
        yield from old
        before = {line.reference for line in old}
        yield from (line for line in self._pages(since, until) if line.reference not in before)

    def _pages(self, since: datetime, until: datetime) -> Iterator[BookLine]:
        after: str | None = ""
        while after is not None:
            asked = {"since": since.isoformat(), "until": until.isoformat(), "after": after}
            try:
                page = self.call("GET", "/v1/book", params=asked).json()
                for line in page["items"]:
                    at = datetime.fromisoformat(line.pop("at"))
                    line.pop("reason")
                    yield BookLine(**line, at=at)
                after = page["next"]
            except (NeverReached, ValueError, KeyError, TypeError) as broken:
                raise AnswerLost from broken

    def take_over(self, rows: Sequence[Row[Any]]) -> None:
        """Have the bank keep what was paid before it had a book (`old_book`). Raises AnswerLost."""
        items = [
            {"key": row.idempotency_key, "reference": row.reference, "amount": row.amount,
             "currency": row.currency, "card_last4": row.card_last4, "status": row.status,
             "at": row.at.isoformat()}
            for row in rows
        ]  # fmt: skip
        try:
            answer = self.call("POST", "/admin/transfers", json={"items": items})
        except NeverReached:
            raise AnswerLost("the bank cannot be reached") from None
        if answer.status_code != 200:
            raise AnswerLost(f"status {answer.status_code}")

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """What the bank tells by itself. Raises Forged unless it has signed it just now."""
        parts = dict(p.partition("=")[::2] for p in headers.get("Bank-Signature", "").split(","))
        at = parts.get("t", "")
        if not (at.isascii() and at.isdigit() and len(at) < 12):
            raise Forged
        mac = hmac.new(self._secret().encode(), f"{at}.".encode() + body, hashlib.sha256)
        given = parts.get("v1", "").encode()
        if not hmac.compare_digest(mac.hexdigest().encode(), given):
            raise Forged
        if abs(now.timestamp() - int(at)) > SIGNED_WITHIN_SECONDS:
            raise Forged
        try:
            said = json.loads(body)
            return Notice(str(said["key"]), str(said["reference"]), str(said["status"]))
        except (ValueError, KeyError, TypeError, RecursionError) as broken:
            raise Forged from broken

    def call(self, method: str, path: str, **said: Any) -> Said:
        """One request of the bank, wherever it is. Raises NeverReached, AnswerLost."""
        headers = {"Authorization": f"Bearer {self._secret()}", **said.pop("headers", {})}
        answer: Said
        if self._settings.bank_url:
            url = self._settings.bank_url + path
            answer = call(method, url, self.patience_seconds, headers=headers, **said)
        else:
            answer = call_app(
                self._guest(), method, path, self.patience_seconds, headers=headers, **said
            )
        if answer.status_code in NOT_OUR_KEY:
            self._log.error(
                "the bank does not take our key: POPUG_BANK_KEY must be the same for the bank and "
                "for billing; until then no payout is sent",
                status=answer.status_code,
            )
        return answer

    def _guest(self) -> Any:
        try:
            return self._guests.app(GUEST)
        except Exception as failed:
            self._log.error("the bank cannot open its book", error=type(failed).__name__)
            raise NeverReached from failed

    def _secret(self) -> str:
        return self._settings.bank_key or guest_secret(self._settings, GUEST)


def _answer(answer: Said, key: str) -> Answer:
    if answer.status_code != 200:
        raise AnswerLost(f"status {answer.status_code}")
    try:
        said = answer.json()
        status, reference = said["status"], bounded_reference(said["reference"])
        if said["key"] != key:
            raise AnotherKey
        if status == "paid":
            return Accepted(reference, bounded_cents(said["amount"]))
        if status == "pending":
            return Begun(reference)
        if status == "returned":
            return Returned(reference, str(said["reason"]))
        if status == "refused":
            return Refused(str(said["reason"]), final=True)
    except (ValueError, KeyError, TypeError, RecursionError) as broken:
        raise AnswerLost(type(broken).__name__) from None
    raise AnswerLost("an unknown status")

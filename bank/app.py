"""The bank's HTTP side; all of it wants `Authorization: Bearer <key>`.

POST /v1/payouts (header Idempotence-Key; amount, currency, card_number) · GET
/v1/payouts/{key} · GET /v1/transfers/{reference} · GET /v1/book?since=&until=&after= ·
for tests and demonstrations GET, PUT /admin/faults and POST /admin/transfers/{reference}/return;
POST /admin/transfers takes over what was paid before the bank had a book of its own.
A key is answered with what was done under it, a refusal too, for as long as it is known.
"""

import hmac
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from flask import Flask, Response, jsonify, request
from sqlalchemy import Row

from bank import book, faults
from bank.book import Order
from bank.faults import SHARES, TIMES, Chance
from bank.telling import Teller
from chassis.database import Database, Transaction

PAGE_MOST = 1000
BODY_MOST = 16_384
MOST_MS = 86_400_000


class Bank:
    """The bank over its book. `lifetime`: for so long it knows a key."""

    def __init__(
        self,
        database: Database,
        secret: str,
        lifetime: timedelta,
        webhook_url: str = "",
        seed: int | None = None,
    ) -> None:
        book.open_book(database)
        self._database = database
        self._secret = secret
        self._lifetime = lifetime
        self._random = Random(seed)  # noqa: S311 - faults are no secret
        self.teller = Teller(database, webhook_url, secret, self.chance)
        self.app = Flask("bank", static_folder=None)
        self.app.config["MAX_CONTENT_LENGTH"] = BODY_MOST
        self.app.before_request(self._refuse_strangers)
        for rule, view, method in (
            ("/v1/payouts", self._pay, "POST"),
            ("/v1/payouts/<key>", self._ask, "GET"),
            ("/v1/transfers/<reference>", self._transfer, "GET"),
            ("/v1/book", self._book, "GET"),
            ("/admin/faults", self._faults, "GET"),
            ("/admin/faults", self._put_faults, "PUT"),
            ("/admin/transfers", self._take_over, "POST"),
            ("/admin/transfers/<reference>/return", self._return, "POST"),
        ):
            self.app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])

    def start(self) -> None:
        """Tell by itself of what changes, and let it change."""
        self.teller.start()

    def stop(self) -> None:
        self.teller.stop()

    def close(self) -> None:
        """Let go of the book."""
        self._database.dispose()

    def chance(self) -> Chance:
        """Which faults may strike now."""
        return Chance(self._database.read(book.faults_now), self._random)

    def _refuse_strangers(self) -> Any:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self._secret}".encode()):
            return jsonify(error="invalid_credentials"), 401
        return None

    def _pay(self) -> Any:
        chance = self.chance()
        if chance.strikes(faults.TOO_MANY):
            return jsonify(error="too_many_requests"), 429
        if chance.strikes(faults.ERROR_BEFORE):
            return jsonify(error="internal"), 500
        order = _order()
        if order is None:
            return jsonify(error="invalid_request"), 400
        if chance.strikes(faults.DELAY):
            time.sleep(chance.time("delay_ms").total_seconds())
        row, new = self._database.run(self._book_and_tell, order, chance)
        if new and chance.strikes(faults.NOTICE_FIRST):
            self.teller.tell_now(row)
        if chance.strikes(faults.ERROR_AFTER):
            return jsonify(error="internal"), 500
        if chance.strikes(faults.DROP_ANSWER):
            return Response(_broken(), headers={"Content-Length": "100"}, status=200)
        return jsonify(_out(row))

    def _book_and_tell(self, tx: Transaction, order: Order, chance: Chance) -> Any:
        row, new = book.book_order(tx, order, chance.plan(order), self._lifetime)
        if new:
            self.teller.tell(tx, row, chance)
        return row, new

    def _ask(self, key: str) -> Any:
        if self.chance().strikes(faults.ASK_ERROR):
            return jsonify(error="internal"), 500
        return _one(self._database.read(book.known, key))

    def _transfer(self, reference: str) -> Any:
        if self.chance().strikes(faults.ASK_ERROR):
            return jsonify(error="internal"), 500
        return _one(self._database.read(book.by_reference, reference))

    def _book(self) -> Any:
        try:
            since, until = (datetime.fromisoformat(request.args[n]) for n in ("since", "until"))
        except (KeyError, ValueError):
            return jsonify(error="invalid_request"), 400
        after = request.args.get("after", "")
        rows = self._database.read(book.page, since, until, after, PAGE_MOST)
        more = rows[-1].reference if len(rows) == PAGE_MOST else None
        return jsonify(items=[_out(row) for row in rows], next=more)

    def _faults(self) -> Any:
        return jsonify(self._database.read(book.faults_now))

    def _put_faults(self) -> Any:
        values = request.get_json(silent=True)
        if not isinstance(values, dict) or not all(_is_fault(*each) for each in values.items()):
            return jsonify(error="invalid_request", known=[*SHARES, *TIMES]), 400
        self._database.run(book.put_faults, values)
        return jsonify(values)

    def _take_over(self) -> Any:
        try:
            rows = [_taken(item) for item in (request.get_json(silent=True) or {})["items"]]
        except (KeyError, TypeError, ValueError):
            return jsonify(error="invalid_request"), 400
        try:
            self._database.run(book.take_over, rows)
        except book.AnotherTransfer as other:
            return jsonify(error="another_transfer", reference=str(other)), 409
        return jsonify(taken=len(rows))

    def _return(self, reference: str) -> Any:
        self._database.run(_return_now, reference)
        self.teller.work()
        return _one(self._database.read(book.by_reference, reference))


def _return_now(tx: Transaction, reference: str) -> None:
    paid = (book.transfers.c.reference == reference) & (book.transfers.c.status == book.PAID)
    tx.execute(book.transfers.update().where(paid).values(changes_at=tx.now))


def _order() -> Order | None:
    said, key = request.get_json(silent=True), request.headers.get("Idempotence-Key", "")
    if not isinstance(said, dict) or not 0 < len(key) <= 64:
        return None
    amount, currency, card = (said.get(n) for n in ("amount", "currency", "card_number"))
    if not isinstance(amount, int) or amount <= 0:
        return None
    return Order(key, amount, str(currency), str(card))


def _taken(item: Any) -> dict[str, Any]:
    """A transfer as it is handed over. Raises KeyError, TypeError, ValueError."""
    words = ("reference", "key", "currency", "card_last4", "status")
    if item["status"] not in book.IN_THE_BOOK:
        raise ValueError(item["status"])
    moments = {"at": datetime.fromisoformat(item["at"])}
    return {name: str(item[name]) for name in words} | {"amount": int(item["amount"])} | moments


def _is_fault(name: str, value: Any) -> bool:
    most = 1000 if name in SHARES else MOST_MS
    return name in {*SHARES, *TIMES} and isinstance(value, int) and 0 <= value <= most


def _out(row: Row[Any]) -> dict[str, Any]:
    return {
        "key": row.key,
        "reference": row.reference,
        "amount": row.amount,
        "currency": row.currency,
        "status": row.status,
        "reason": row.reason,
        "at": row.at.isoformat(),
    }


def _one(row: Row[Any] | None) -> Any:
    return (jsonify(error="not_found"), 404) if row is None else jsonify(_out(row))


def _broken() -> Iterator[bytes]:
    """The beginning of an answer, whose end never comes."""
    yield b'{"key": '

"""The bank tells of each change by itself: a signed request, again until it is taken."""

import hashlib
import hmac
import json
import threading
from datetime import timedelta
from typing import Any

import requests
from sqlalchemy import Row, select

from bank import book, faults
from bank.book import notices
from bank.faults import Chance
from chassis.database import Database, Transaction
from chassis.logs import log

TRIES_MOST = 20
AT_ONCE = 100
PAUSE_SECONDS = 0.2
TIMEOUT_SECONDS = 5.0
SIGNATURE = "Bank-Signature"


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body", hexadecimal>`."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


class Teller:
    """Sends what is due, and lets transfers change when their time has come."""

    def __init__(self, database: Database, url: str, secret: str, chance: Any) -> None:
        """`chance` gives the Chance of the moment. Without a `url` nobody is told."""
        self._database = database
        self._url = url
        self._secret = secret
        self._chance = chance
        self._session = requests.Session()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="bank-teller", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def tell(self, tx: Transaction, row: Row[Any], chance: Chance) -> None:
        """Have it told what has become of a transfer."""
        if not self._url:
            return
        late = chance.time("later_ms") if chance.strikes(faults.NOTICE_LATE) else timedelta()
        copies = 2 if chance.strikes(faults.NOTICE_TWICE) else 1
        forged = 1 if chance.strikes(faults.NOTICE_FORGED) else 0
        tx.insert(
            notices,
            [
                {
                    "reference": row.reference,
                    "key": row.key,
                    "status": row.status,
                    "due_at": tx.now + late,
                    "tries": 0,
                    "forged": number >= copies,
                }
                for number in range(copies + forged)
            ],
        )

    def work(self) -> bool:
        """Do what is due now; says whether anything was."""
        changed = self._database.read(book.has_changes)
        if changed:
            self._database.run(self._change, self._chance())
        due = self._database.read(
            lambda reading: reading.execute(
                select(notices)
                .where(notices.c.due_at <= reading.now)
                .order_by(notices.c.due_at, notices.c.id)
                .limit(AT_ONCE)
            ).all()
        )
        for notice in due:
            if self._stopped.is_set():
                break
            taken = self._send(notice)
            self._database.run(_told, notice, taken)
            if not taken and notice.tries + 1 >= TRIES_MOST:
                # Billing finds it out by asking, unless the money has come back since.
                log(service="bank").error(
                    "a notice was never taken, and is given up: who is told, and does he know "
                    "the same POPUG_BANK_KEY?",
                    url=self._url,
                    reference=notice.reference,
                    status=notice.status,
                )
        return changed or bool(due)

    def tell_now(self, row: Row[Any]) -> None:
        """Tell of a transfer before its answer has gone."""
        self._send(row)

    def _send(self, row: Row[Any]) -> bool:
        if not self._url:
            return True
        forged = getattr(row, "forged", False)
        said = {"key": row.key, "reference": row.reference, "status": row.status}
        body = json.dumps(said).encode()
        secret = "somebody else" if forged else self._secret
        at = int(self._database.clock.now().timestamp())
        headers = {SIGNATURE: signature(secret, at, body), "Content-Type": "application/json"}
        try:
            answer = self._session.post(
                self._url, data=body, headers=headers, timeout=TIMEOUT_SECONDS
            )
        except requests.RequestException:
            return forged
        return forged or answer.status_code < 300

    def _change(self, tx: Transaction, chance: Chance) -> None:
        for row in book.change_due(tx):
            self.tell(tx, row, chance)

    def _repeat(self) -> None:
        while not self._stopped.is_set():
            try:
                worked = self.work()
            except Exception:  # noqa: BLE001 - a thread that ends would never tell again
                log(service="bank").exception("the bank could not tell")
                worked = False
            if not worked:
                self._stopped.wait(PAUSE_SECONDS)


def _told(tx: Transaction, notice: Row[Any], taken: bool) -> None:
    if taken or notice.tries + 1 >= TRIES_MOST:
        tx.execute(notices.delete().where(notices.c.id == notice.id))
    else:
        later = tx.now + timedelta(seconds=min(2**notice.tries, 60))
        tx.execute(
            notices.update()
            .where(notices.c.id == notice.id)
            .values(tries=notice.tries + 1, due_at=later)
        )

"""`popug` with a fault planted in it, to show that the checker catches it.

    python -m tests.faults.planted FAULT worker accounts

patches the code of that process and goes on as `popug worker accounts`. The product has
no switch for any of this.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from accounts import company_sums, ledger
from accounts.domain import Entry
from accounts.models import entries
from chassis import inbox, outbox
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.in_hand import InHand
from chassis.inbox import Consumer
from chassis.rabbitmq.consuming import QueueConsumer
from chassis.relay import Relay

# Between two commits that should be one, so that a kill may fall between them.
GAP_SECONDS = 0.2


def no_inbox() -> None:
    """Whatever arrives is applied, and what the ledger has already is booked again."""

    def apply_all(_self: Consumer, tx: Transaction, batch: Sequence[Any]) -> list[Any]:
        inbox.apply(tx, _self._handlers, [heard.envelope for heard in batch])
        return list(batch)

    save = ledger.save

    def save_all(tx: Transaction, booked: Sequence[Entry], own_days: Any) -> None:
        save(tx, [replace(entry, source_id=new_id()) for entry in booked], own_days)

    Consumer._apply = apply_all  # type: ignore[method-assign,assignment]

    def already_posted(reading: Any, keys: Any) -> set[tuple[str, str]]:
        return set()

    ledger.already_posted = already_posted
    ledger.save = save_all


def mark_before_publish() -> None:
    """Outbox rows count as sent before the broker has confirmed them."""

    def claim(tx: Transaction) -> list[outbox.Message]:
        messages = outbox.claim(tx, 1_000)
        if messages:
            outbox.mark_sent(tx, messages)
        return messages

    def send(self: Relay) -> list[outbox.Message]:
        messages = self._database.run_idempotent(claim)
        self._broker.publish(messages)
        return messages

    def send_own(self: InHand) -> list[outbox.Message]:
        messages = list(self._waiting)
        self._waiting.clear()
        if messages:
            self._database.run_idempotent(outbox.mark_sent, messages)
            self._broker.publish(messages)
        return messages

    Relay._send = send  # type: ignore[method-assign]
    InHand.send = send_own  # type: ignore[method-assign]


def ack_before_commit() -> None:
    """A batch is acknowledged when it arrives, and applied afterwards."""

    def work(self: QueueConsumer) -> None:
        while not self._stopped.is_set():
            batch = self._next_batch()
            if batch:
                self._acknowledge(batch[-1])
                self._apply(batch)

    QueueConsumer._work = work  # type: ignore[method-assign]


def entries_without_balances() -> None:
    """Entries are committed by themselves, and the balances after them."""
    save = ledger.save

    def save_and_commit(tx: Transaction, booked: Sequence[Entry], own_days: Any) -> None:
        save(tx, booked, own_days)
        _commit(tx)

    ledger.save = save_and_commit


def sides_apart() -> None:
    """The popug's side of a transaction is committed before the company's."""
    both_sides = ledger._both_sides

    def save(tx: Transaction, booked: Sequence[Entry], own_days: Any) -> None:
        pairs = [both_sides(entry, tx.now) for entry in booked]
        tx.insert(entries, [popug for popug, _ in pairs])
        ledger.save_balances(tx, {entry.user_id: entry.balance for entry in booked})
        _commit(tx)
        tx.insert(entries, [company for _, company in pairs])
        company_sums.add(tx, booked)

    ledger.save = save


def _commit(tx: Transaction) -> None:
    tx.connection.exec_driver_sql("COMMIT")
    time.sleep(GAP_SECONDS)


PLANTED: dict[str, Callable[[], None]] = {
    "no-inbox": no_inbox,
    "mark-before-publish": mark_before_publish,
    "ack-before-commit": ack_before_commit,
    "entries-without-balances": entries_without_balances,
    "sides-apart": sides_apart,
}


def program(fault: str) -> list[str]:
    """What stands in for `popug`."""
    return [sys.executable, "-m", "tests.faults.planted", fault]


if __name__ == "__main__":
    PLANTED[sys.argv.pop(1)]()
    from popug.cli import main

    main(prog_name="popug")

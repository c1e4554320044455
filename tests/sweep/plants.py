"""Faults that the sweep must find: each breaks one promise of the code, and nothing else.

Without a kill each of them works: only a death at the right line shows it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from accounts import closing, ledger
from chassis import outbox
from chassis.broker import BrokerAway
from chassis.database import Transaction
from chassis.rabbitmq.consuming import QueueConsumer
from chassis.relay import MOST_AT_ONCE, Relay

EVER = datetime(2000, 1, 1, tzinfo=UTC)


def forget_before_publish() -> None:
    """The relay marks events as sent before the broker has taken them.

    A broker that is away is no death: then it takes the mark back.
    """

    def send(self: Any) -> list[outbox.Message]:
        messages = self._database.read(outbox.unsent, MOST_AT_ONCE)
        if messages:
            self._database.run(outbox.mark_sent, messages)
            try:
                self._broker.publish(messages)
            except BrokerAway:
                self._database.run(outbox.send_again, EVER, MOST_AT_ONCE)
                raise
        return list(messages)

    patch.object(Relay, "_send", send).start()


def seen_before_effect() -> None:
    """The inbox row is committed before the effect."""
    insert = Transaction.insert

    def commit_after(tx: Transaction, table: Any, rows: Sequence[Any]) -> None:
        insert(tx, table, rows)
        if table.name == "inbox":
            _commit_and_go_on(tx)

    patch.object(Transaction, "insert", commit_after).start()


def entries_before_balances() -> None:
    """The entries of the ledger are committed before the balances."""
    save = ledger.save

    def commit_after(tx: Transaction, *arguments: Any) -> None:
        save(tx, *arguments)
        _commit_and_go_on(tx)

    patch.object(ledger, "save", commit_after).start()


def payouts_before_progress() -> None:
    """Payouts of a closing day are committed before how far it got."""
    pay = closing._pay

    def commit_after(tx: Transaction, *arguments: Any) -> Any:
        paid = pay(tx, *arguments)
        tx.flush_events()
        _commit_and_go_on(tx)
        return paid

    patch.object(closing, "_pay", commit_after).start()


def change_before_event() -> None:
    """What a command has changed is committed before its events are in the outbox."""
    flush = Transaction.flush_events

    def commit_before(tx: Transaction) -> None:
        _commit_and_go_on(tx)
        flush(tx)

    patch.object(Transaction, "flush_events", commit_before).start()


def acknowledge_before_commit() -> None:
    """The consumer acknowledges a batch before it is applied."""

    def work(self: Any) -> None:
        while not self._stopped.is_set():
            batch = self._next_batch()
            if batch:
                self._acknowledge(batch[-1])
                self._apply(batch)

    patch.object(QueueConsumer, "_work", work).start()


def _commit_and_go_on(tx: Transaction) -> None:
    tx.connection.exec_driver_sql("COMMIT")
    on_sqlite = tx.connection.dialect.name == "sqlite"
    tx.connection.exec_driver_sql("BEGIN IMMEDIATE" if on_sqlite else "BEGIN")


PLANTS: dict[str, Callable[[], None]] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (
        forget_before_publish,
        seen_before_effect,
        entries_before_balances,
        payouts_before_progress,
        change_before_event,
        acknowledge_before_commit,
    )
}

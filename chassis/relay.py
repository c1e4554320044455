"""The relay: takes events from a service's outbox to the broker, in batches, for ever.

One runs in each worker, and one in each web process: what a click has written is sent as
soon as it is committed, and not only when a worker looks.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from chassis import outbox
from chassis.broker import Broker, BrokerAway
from chassis.database import Database, DatabaseAway, Transaction
from chassis.gathering import Gathering
from chassis.in_hand import InHand, LeftBehind
from chassis.logs import log
from chassis.metrics import Metrics
from chassis.threads import ended_by_themselves

MOST_AT_ONCE = 1_000
# Without a queue between, a click's event waits until what is being delivered is applied.
MOST_BULK_DELIVERED = 200
# Another process (a command line, say) may write to the outbox without waking us.
LOOK_SECONDS = 0.5
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0


class Relay:
    """Sends what waits in one outbox. `send_waiting` may be called from any thread."""

    def __init__(
        self, service: str, database: Database, broker: Broker, metrics: Metrics | None = None
    ) -> None:
        self._database = database
        self._broker = broker
        self._metrics = metrics
        self._log = log(service=service)
        self._one_at_a_time = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._gathering = Gathering(self._stopped)
        self._name = service
        self._looks = True
        # Where several relays share an outbox, and the broker takes what none of them waits for.
        self._in_hand: InHand | None = None
        self._left_behind = LeftBehind()
        self._look_at = 0.0
        self._thread: threading.Thread | None = None

    def send_waiting(self) -> int:
        """Send all that waits now; says how many events that were.

        Raises BrokerAway or DatabaseAway; what was not taken stays in the outbox.
        """
        total = 0
        with self._one_at_a_time:
            while messages := self._send():
                total += len(messages)
                self._count(messages)
                if len(messages) < min(MOST_AT_ONCE, MOST_BULK_DELIVERED):
                    break  # that was all; what has come meanwhile has woken us again
        return total

    def _send(self) -> list[outbox.Message]:
        """Send the oldest batch; several relays of one service do not send the same rows."""
        if self._shares:
            return self._database.run_idempotent(self._claim_and_send)
        messages = self._database.read(outbox.unsent, MOST_AT_ONCE)
        if not self._broker.keeps_messages and messages and messages[-1].bulk:
            messages = messages[:MOST_BULK_DELIVERED]
        if messages:
            # No lock is held while the broker works: a consumer may need this database.
            self._broker.publish(messages)
            self._database.run_idempotent(outbox.mark_sent, messages)
        return messages

    def _claim_and_send(self, tx: Transaction) -> list[outbox.Message]:
        up_to = self._left_behind.up_to(tx) if self._in_hand else None
        messages = outbox.claim(tx, MOST_AT_ONCE, up_to)
        if messages:
            self._broker.publish(messages)
            outbox.mark_sent(tx, messages)
        return messages

    @property
    def _shares(self) -> bool:
        return self._broker.keeps_messages and self._database.locks_rows

    def wake(self, messages: Sequence[outbox.Message] = ()) -> None:
        """Something was written to the outbox: these, where that is known."""
        if self._in_hand:
            self._in_hand.take(messages)
        if not messages or any(message.bulk for message in messages):
            self._look_at = 0.0
        self._wake.set()

    def start(self, looks: bool = True) -> None:
        """Keep sending on a thread until `stop`.

        With `looks`, what other processes have written is looked for; without, only `wake`
        makes it send, and what it cannot send is left to one that looks.
        """
        self._looks = looks
        self._in_hand = InHand(self._database, self._broker) if self._shares else None
        self._thread = threading.Thread(target=self._run, name=f"relay-{self._name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand and end the thread."""
        self._stopped.set()
        self._wake.set()
        if self._thread:
            self._thread.join()

    def dead_threads(self) -> list[str]:
        """The relay's thread, if it has ended by itself."""
        return ended_by_themselves([self._thread], self._stopped)

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                self._work()
                pause = FIRST_PAUSE_SECONDS
            except (BrokerAway, DatabaseAway) as away:
                self._log.warning("events wait in the outbox", error=str(away))
                self._stopped.wait(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                self._look_at = 0.0
                if self._looks:
                    continue
            except Exception:  # noqa: BLE001 - a thread that ends would never send again
                self._log.exception("the relay failed and goes on")
                self._stopped.wait(FIRST_PAUSE_SECONDS)
                continue
            self._gathering.worked()
            if self._wake.wait(self._rest_seconds(time.monotonic())):
                self._gathering.wait_for_more()
        self._finish()

    def _work(self) -> None:
        if self._in_hand:
            self._count(self._in_hand.send())
            self._in_hand.mark()
            if not self._looks or time.monotonic() < self._look_at:
                return
        self._look_at = time.monotonic() + LOOK_SECONDS
        self.send_waiting()

    def _rest_seconds(self, now: float) -> float | None:
        """How long there is nothing to do if nobody wakes us; None for ever."""
        until_marking = self._in_hand.seconds_left if self._in_hand else None
        until_looking = max(0.0, self._look_at - now) if self._looks else None
        waits = [wait for wait in (until_marking, until_looking) if wait is not None]
        return min(waits, default=None)

    def _finish(self) -> None:
        """Leave nothing to others that can be done now."""
        if self._in_hand:
            with suppress(BrokerAway, DatabaseAway):
                self._count(self._in_hand.send())
                self._in_hand.mark(at_once=True)

    def _count(self, messages: list[outbox.Message]) -> None:
        if self._metrics:
            for kind, number in Counter(m.type for m in messages).items():
                self._metrics.sent.labels(kind).inc(number)

"""The relay: takes events from a service's outbox to the broker, in batches, for ever."""

import random
import threading
from collections import Counter

from chassis import outbox
from chassis.broker import Broker, BrokerAway
from chassis.database import Database, DatabaseAway, Transaction
from chassis.logs import log
from chassis.metrics import Metrics

MOST_AT_ONCE = 1_000
# Another process (a command line, say) may write to the outbox without waking us.
LOOK_SECONDS = 0.5
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 30.0


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
        self._name = service
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
        return total

    def _send(self) -> list[outbox.Message]:
        """Send the oldest batch; several relays of one service do not send the same rows."""
        if self._broker.keeps_messages and self._database.locks_rows:
            return self._database.run(self._claim_and_send)
        messages = self._database.read(outbox.unsent, MOST_AT_ONCE)
        if messages:
            # No lock is held while the broker works: a consumer may need this database.
            self._broker.publish(messages)
            self._database.run(outbox.forget, messages)
        return messages

    def _claim_and_send(self, tx: Transaction) -> list[outbox.Message]:
        messages = outbox.claim(tx, MOST_AT_ONCE)
        if messages:
            self._broker.publish(messages)
            outbox.forget(tx, messages)
        return messages

    def wake(self) -> None:
        """Something was written to the outbox."""
        self._wake.set()

    def start(self) -> None:
        """Keep sending on a thread until `stop`."""
        self._thread = threading.Thread(target=self._run, name=f"relay-{self._name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand and end the thread."""
        self._stopped.set()
        self._wake.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                self.send_waiting()
                pause = FIRST_PAUSE_SECONDS
            except (BrokerAway, DatabaseAway) as away:
                self._log.warning("events wait in the outbox", error=str(away))
                self._stopped.wait(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                continue
            except Exception:  # noqa: BLE001 - a thread that ends would never send again
                self._log.exception("the relay failed and goes on")
                self._stopped.wait(FIRST_PAUSE_SECONDS)
                continue
            self._wake.wait(LOOK_SECONDS)

    def _count(self, messages: list[outbox.Message]) -> None:
        if self._metrics:
            for kind, number in Counter(m.type for m in messages).items():
                self._metrics.sent.labels(kind).inc(number)

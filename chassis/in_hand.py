"""Events that this process has just committed: sent without looking for them in the outbox.

To look costs a transaction, and its fsync, for each click. What is sent is recorded some at a
time; whatever happens before that, the rows are there, and a relay that looks sends them (once
more, perhaps, which the inbox of each consumer sorts out).
"""

import time
from collections import deque
from collections.abc import Sequence

from chassis import outbox
from chassis.broker import Broker
from chassis.database import Database, Reading
from chassis.outbox import Message

MOST_AT_ONCE = 1_000
MARK_SECONDS = 0.2
# So long, and at most twice as long, a click is left to the process that has committed it: to
# send it takes milliseconds, and MARK_SECONDS until it counts as sent.
OWN_SECONDS = 1.0


class InHand:
    """What one process has committed and not sent yet, and what it has sent and not recorded.

    `take` may be called from any thread, the rest from one.
    """

    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker
        # What is too much for it is left to who looks.
        self._waiting: deque[Message] = deque(maxlen=MOST_AT_ONCE)
        self._sent: list[Message] = []
        self._mark_at = 0.0

    def take(self, messages: Sequence[Message]) -> None:
        """These were committed. Those of large pieces of work are found by looking."""
        self._waiting.extend(message for message in messages if not message.bulk)

    def send(self) -> list[Message]:
        """Send what waits; says what. Raises BrokerAway: then who looks sends it later."""
        messages = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if messages:
            self._broker.publish(messages)
            if not self._sent:
                self._mark_at = time.monotonic() + MARK_SECONDS
            self._sent += messages
        return messages

    @property
    def seconds_left(self) -> float | None:
        """How long recording may wait; None if there is nothing to record."""
        return max(0.0, self._mark_at - time.monotonic()) if self._sent else None

    def mark(self, at_once: bool = False) -> None:
        """Record what was sent, if it is time. Raises DatabaseAway: then it is told later."""
        if self._sent and (at_once or not self.seconds_left):
            self._database.run_idempotent(outbox.mark_sent, self._sent)
            self._sent = []


class LeftBehind:
    """Up to which row of the outbox clicks are nobody's any more, as one relay sees it.

    By what was there when it looked before, and by no clock: that of a machine may be set back.
    """

    def __init__(self) -> None:
        self._up_to = 0
        self._seen: int | None = None
        self._move_at = 0.0

    def up_to(self, reading: Reading) -> int | None:
        """The last position that was there OWN_SECONDS ago; None at the first look: all of them."""
        begins = self._seen is None
        if time.monotonic() >= self._move_at:
            self._up_to, self._seen = self._seen or 0, outbox.last_position(reading)
            self._move_at = time.monotonic() + OWN_SECONDS
        # A process that died, and whom we follow, may have left anything.
        return None if begins else self._up_to

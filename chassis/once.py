"""A change that is made exactly once, though deadlocks and lost connections interrupt it.

A COMMIT that is not answered may have happened: of 120 commits that were cut off in this
way, 44 had. So the first statement of each change leaves a mark of its own. Who has lost
the answer comes again with the same mark: if it is there already the earlier try has
landed, else nothing of it ever will, for the mark's key is held by whoever is first.
"""

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError

from chassis.commits import leave_mark
from chassis.database_errors import DatabaseAway, OutcomeUnknown, is_deadlock
from chassis.ids import new_id

if TYPE_CHECKING:
    from chassis.database import Database, Transaction

R = TypeVar("R")

TRIES_AT_A_DEADLOCK = 5
# A server that was killed is back within seconds; who waits for a page waits no longer.
PATIENCE_SECONDS = 15.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0


def run_once(database: "Database", change: Callable[["Transaction"], R]) -> R:
    """Make the change, and give what it gave in the try that was committed.

    `change` is called again for each try. A connection that is lost on the way is waited
    for. Raises DatabaseAway when there is no connection to begin with, and OutcomeUnknown
    when the server does not come back in time to ask it.
    """
    return _Once(database, change).run()


class _Once(Generic[R]):
    def __init__(self, database: "Database", change: Callable[["Transaction"], R]) -> None:
        self._database = database
        self._change = change
        self._mark = new_id()
        self._begun = False
        # The last try: what it would have committed, and what it gave.
        self._made: tuple[Transaction, R] | None = None
        # That same, while its COMMIT was not answered and it is not known what became of it.
        self._unsure: tuple[Transaction, R] | None = None
        self._deadline: float | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._deadlocks = 0

    def run(self) -> R:
        while True:
            try:
                return self._try()
            except OutcomeUnknown as lost:
                self._unsure = self._made
                self._wait(lost)
            except DatabaseAway as away:
                if not self._begun:
                    raise
                self._wait(away)
            except DBAPIError as error:
                if not is_deadlock(error):
                    raise
                self._wait_for_locks(error)

    def _try(self) -> R:
        with self._database.transaction() as tx:
            self._begun = True
            landed = self._leave_mark(tx)
            self._made = made = landed or (tx, self._change(tx))
        if landed:
            self._database.tell(landed[0])
        return made[1]

    def _leave_mark(self, tx: "Transaction") -> "tuple[Transaction, R] | None":
        """Leave the mark; gives the try before, if its mark is there."""
        try:
            leave_mark(tx, self._mark)
        except IntegrityError:
            if self._unsure is None:
                raise
            return self._unsure
        self._unsure = None
        return None

    def _wait(self, lost: Exception) -> None:
        """Wait a little for the server, or raise: it has not come back in time."""
        now = time.monotonic()
        self._deadline = self._deadline or now + PATIENCE_SECONDS
        if now >= self._deadline:
            if self._unsure and not isinstance(lost, OutcomeUnknown):
                raise OutcomeUnknown(str(lost)) from lost
            raise lost
        time.sleep(self._pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)

    def _wait_for_locks(self, error: DBAPIError) -> None:
        if self._unsure:
            self._wait(error)  # the try before is still being ended by the server
            return
        self._deadlocks += 1
        if self._deadlocks == TRIES_AT_A_DEADLOCK:
            raise DatabaseAway(str(error.orig)) from error
        time.sleep(0.01 * 2**self._deadlocks * random.uniform(0.5, 1.5))  # noqa: S311 - jitter

"""Whether what was sent has arrived, by the outboxes and inboxes themselves.

A broker's own figures lag by a moment (those of a quorum queue are renewed at a tick), so
empty queues are not yet a proof that nothing is on its way.
"""

import time
from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import select

from chassis.database import Database, Reading
from chassis.inbox import inbox
from chassis.outbox import outbox
from popug.system import system

# What does not come in so long while nothing waits anywhere is lost: the checker says what.
LOST_SECONDS = 5.0
IDS_PER_QUERY = 500


class Arrivals:
    """Follows every event that was sent to the inboxes of those who hear it."""

    def __init__(self, databases: Mapping[str, Database]) -> None:
        self._databases = databases
        self._heard = {s.name: s.handlers.types for s in system.services if s.name in databases}
        self._position = dict.fromkeys(databases, 0)
        self._missing: dict[str, set[str]] = defaultdict(set)
        self._since = time.monotonic()

    def nothing_more(self) -> bool:
        """All has arrived, or nothing more does. Ask while outboxes and queues are empty."""
        before = self._count()
        self._take_sent()
        for name, database in self._databases.items():
            self._missing[name] -= database.read(_applied, sorted(self._missing[name]))
        if self._count() != before:
            self._since = time.monotonic()
        if self._count() and time.monotonic() - self._since < LOST_SECONDS:
            return False
        self._missing.clear()
        return True

    def _count(self) -> int:
        return sum(map(len, self._missing.values()))

    def _take_sent(self) -> None:
        for name, database in self._databases.items():
            for position, event_id, kind in database.read(_sent, self._position[name]):
                self._position[name] = position
                for service, types in self._heard.items():
                    if kind in types:
                        self._missing[service].add(event_id)


def _sent(reading: Reading, after: int) -> list[tuple[int, str, str]]:
    columns = (outbox.c.position, outbox.c.event_id, outbox.c.type)
    query = select(*columns).where(outbox.c.position > after).order_by(outbox.c.position)
    return [tuple(row) for row in reading.execute(query)]


def _applied(reading: Reading, ids: list[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(ids), IDS_PER_QUERY):
        some = select(inbox.c.event_id).where(
            inbox.c.event_id.in_(ids[start : start + IDS_PER_QUERY])
        )
        found |= set(reading.execute(some).scalars())
    return found

"""On whom tasks may land: as auth lists them, less those it has since called off (rule 2).

Auth is asked over REST and its answer remembered: for two seconds as good as new, and
for five minutes in place of an answer while auth is away. Between two answers an
AccessChanged that was heard counts for more than the list.
"""

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random, SystemRandom
from typing import Any, cast

from sqlalchemy import Select, not_, or_, select

from chassis.access import Known, access, known_access
from chassis.clock import Clock
from chassis.database import Reading
from chassis.logs import log
from chassis.prepared import prepared
from chassis.remote import Remote, RemoteAway, RemoteRefused
from chassis.runtime import Runtime
from contracts import roles
from tasks.board import holders_of_open, open_by_holder
from tasks.domain import draw_assignee

FRESH = timedelta(seconds=2)
SERVES_WHILE_AWAY = timedelta(minutes=5)
EXTENSION = "tasks.candidates"
MOST_AT_ONCE = "5000"  # to another service, auth gives longer pages than to people

# Draws that nobody can foretell.
CHANCE = SystemRandom()


class CandidatesUnknown(Exception):
    """Auth does not answer, and what it said last is too old to go by."""


@dataclass(frozen=True)
class Candidate:
    """Somebody on whom a task may land."""

    id: str
    name: str


@dataclass(frozen=True)
class _Answer:
    candidates: tuple[Candidate, ...]
    at: datetime


class Candidates:
    """What auth said last of who the candidates are. Thread-safe."""

    def __init__(self, remote: Remote, clock: Clock) -> None:
        self._remote = remote
        self._clock = clock
        self._asking = threading.Lock()
        self._answer: _Answer | None = None

    def all(self, fresh: timedelta = FRESH) -> tuple[Candidate, ...]:
        """The candidates, by an answer younger than `fresh` if auth gives one.

        Raises CandidatesUnknown.
        """
        if not self._younger_than(fresh):
            self._ask()
        if self._answer is None or not self._younger_than(SERVES_WHILE_AWAY):
            raise CandidatesUnknown
        return self._answer.candidates

    def ids(self, fresh: timedelta = FRESH) -> list[str]:
        """The ids of the candidates, as `all`. Raises CandidatesUnknown."""
        return [candidate.id for candidate in self.all(fresh)]

    def forget(self) -> None:
        """Ask anew before the next answer: this one led nowhere."""
        self._answer = None

    def _ask(self) -> None:
        # While one thread asks, the others go on with the last answer if it still serves.
        if not self._asking.acquire(blocking=not self._younger_than(SERVES_WHILE_AWAY)):
            return
        try:
            if not self._younger_than(FRESH):
                self._answer = _Answer(self._listed_by_auth(), self._clock.now())
        except (RemoteAway, RemoteRefused) as away:
            log(service="tasks").warning("auth names no candidates", error=str(away))
        finally:
            self._asking.release()

    def _listed_by_auth(self) -> tuple[Candidate, ...]:
        people = self._remote.items(
            "auth", "/api/v1/users", as_service=True, candidates="true", limit=MOST_AT_ONCE
        )
        return tuple(Candidate(person["id"], person["name"]) for person in people)

    def _younger_than(self, limit: timedelta) -> bool:
        answer = self._answer
        return answer is not None and timedelta(0) <= self._clock.now() - answer.at < limit


def candidates_of(runtime: Runtime) -> Candidates:
    """The one memory of candidates that a service at work has."""
    if runtime.app is None:
        raise RuntimeError("the service's app is not made yet")
    made = runtime.app.extensions.setdefault(EXTENSION, Candidates(runtime.remote, runtime.clock))
    return cast(Candidates, made)


def draw_candidate(reading: Reading, candidates: Sequence[str], chance: Random) -> str:
    """A candidate by chance whom auth has not called off meanwhile. Raises NoCandidates."""
    left = list(candidates)
    while True:
        drawn = draw_assignee(left, chance)
        if not called_off(reading, drawn):
            return drawn
        left.remove(drawn)


def called_off(reading: Reading, user_id: str) -> bool:
    """Whether auth has said of this person that he is no candidate."""
    known = known_access(reading, user_id)
    return known is not None and not _may_hold(known)


def still_candidates(reading: Reading, candidates: Sequence[str]) -> list[str]:
    """The candidates without those whom auth has called off meanwhile."""
    gone = _all_called_off(reading)
    return [candidate for candidate in candidates if candidate not in gone]


def stuck_tasks(reading: Reading, candidates: Collection[str] | None) -> dict[str, int]:
    """How many open tasks are held by each person who is no candidate any more (rule 7).

    Without a list of candidates (None), as far as is known by what was heard.
    """
    gone, holders = _all_called_off(reading), holders_of_open(reading)
    unknown = holders - set(candidates) if candidates is not None else set()
    return open_by_holder(reading, (holders & gone) | unknown)


def _may_hold(known: Known) -> bool:
    return known.active and known.role in roles.CANDIDATES


def _all_called_off(reading: Reading) -> set[str]:
    return set(reading.execute(_off()).scalars())


@prepared
def _off() -> Select[Any]:
    off = or_(not_(access.c.active), access.c.role.not_in(sorted(roles.CANDIDATES)))
    return select(access.c.user_id).where(off)

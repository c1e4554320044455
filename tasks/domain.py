"""What a task is, what it costs, and what may happen to it.

Rules 2 to 7 of the contract. Time and chance come in as arguments; money is in cents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Literal, NamedTuple, TypeAlias

Cents: TypeAlias = int
Reason: TypeAlias = Literal["created", "shuffled", "reassigned"]

FEE_DOLLARS = (10, 20)  # rule 3; both ends are included
REWARD_DOLLARS = (20, 40)
CENTS_PER_DOLLAR = 100

OPEN, CLOSED = "open", "closed"
RUNNING, DONE = "running", "done"


class TaskNotFound(Exception):
    """There is no task with this id."""


class AlreadyClosed(Exception):
    """The task is closed: nothing more happens to it."""


class HeldByAnother(Exception):
    """Somebody else holds the task; `holder` is what he is called, his id if nothing else."""

    def __init__(self, holder_id: str) -> None:
        super().__init__(holder_id)
        self.holder_id = holder_id
        self.holder = holder_id


class NeverYours(HeldByAnother):
    """Who asks has never held the task."""


class ReassignedMeanwhile(HeldByAnother):
    """Who asks has held the task, but it has moved on."""


class NoCandidates(Exception):
    """There is nobody on whom a task could land."""


class NotACandidate(Exception):
    """The person named may not be given tasks."""


class ShuffleNotFound(Exception):
    """There is no shuffle with this id."""


@dataclass(frozen=True)
class Prices:
    """What getting the task costs and what closing it pays."""

    fee: Cents
    reward: Cents


@dataclass(frozen=True)
class Assignment:
    """One time that a task landed on somebody; each one costs its fee."""

    id: str
    task_id: str
    assignee_id: str
    reason: Reason
    assigned_at: datetime


@dataclass(frozen=True)
class Task:
    """A task, open until `closed_at`. `position` counts tasks in the order of their birth."""

    position: int
    id: str
    title: str
    jira_id: str | None
    description: str
    assignee_id: str
    fee: Cents
    reward: Cents
    created_by: str
    created_at: datetime
    closed_at: datetime | None

    @property
    def status(self) -> str:
        return CLOSED if self.closed_at else OPEN


class OpenTask(NamedTuple):
    """As much of an open task as whoever deals many of them must know."""

    position: int
    id: str
    fee: Cents
    reward: Cents


@dataclass(frozen=True)
class Shuffle:
    """Every task that was open at its start (position at most `up_to`) is dealt anew.

    Tasks up to `cursor` have been seen. `total` were open at the start; in the end each
    of them is either `done` or, closed meanwhile, `skipped`. Where there are very many,
    the `total` is counted in pieces, before the first is dealt: those after
    `uncounted_after` are not in it yet, None once all are.
    """

    id: str
    started_by: str
    started_at: datetime
    total: int
    up_to: int
    cursor: int = 0
    done: int = 0
    skipped: int = 0
    finished_at: datetime | None = None
    uncounted_after: int | None = None

    @property
    def status(self) -> str:
        return DONE if self.finished_at else RUNNING


def draw_prices(chance: Random) -> Prices:
    """The prices of a new task: whole dollars, uniform, drawn once (rule 3)."""
    return Prices(
        fee=chance.randint(*FEE_DOLLARS) * CENTS_PER_DOLLAR,
        reward=chance.randint(*REWARD_DOLLARS) * CENTS_PER_DOLLAR,
    )


def draw_assignee(candidates: Sequence[str], chance: Random) -> str:
    """On whom a task lands: each candidate is as likely (rule 2). Raises NoCandidates."""
    if not candidates:
        raise NoCandidates
    return chance.choice(candidates)


def why_not_closed(task: Task, by: str, has_held_it: bool) -> Exception:
    """Why `by` could not close the task just now (rule 4).

    Whose it never was may not know better; whose it was hears what happened meanwhile.
    """
    if task.assignee_id != by and not has_held_it:
        return NeverYours(task.assignee_id)
    if task.closed_at:
        return AlreadyClosed()
    return ReassignedMeanwhile(task.assignee_id)


def count_on(shuffle: Shuffle, counted: int, last_position: int | None) -> Shuffle:
    """The shuffle after as many more tasks were counted; None: there are no more to count."""
    return replace(shuffle, total=shuffle.total + counted, uncounted_after=last_position)


def go_on(shuffle: Shuffle, dealt: Sequence[int], at_the_end: bool, now: datetime) -> Shuffle:
    """The shuffle after the tasks at these positions were dealt, in their order (rule 5)."""
    done = shuffle.done + len(dealt)
    if not at_the_end:
        return replace(shuffle, cursor=dealt[-1], done=done)
    # A task that was being created as the shuffle started may have come in uncounted.
    total = max(shuffle.total, done)
    return replace(
        shuffle,
        cursor=shuffle.up_to,
        done=done,
        total=total,
        skipped=total - done,
        finished_at=now,
    )

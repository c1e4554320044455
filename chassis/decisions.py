"""The record of what people decided of parked events: who, what, when, why, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from flask_babel import lazy_gettext as _l
from sqlalchemy import BigInteger, Column, Index, Integer, Table, select

from chassis.columns import Code, Id, UtcDateTime, short_text
from chassis.outbox import metadata
from chassis.parking import REASON_LENGTH, DecidedAlready, NotParked
from chassis.reasons import is_id
from chassis.refusals import Refusal

if TYPE_CHECKING:
    from chassis.database import Reading

RETRY, DROP = "retry", "drop"
RUNNING, DONE = "running", "done"
ALL = "all"

table = Table(
    "parking_decisions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("action", Code, nullable=False),
    # One event by its number, one group by its key, or (neither) all that waited.
    Column("number", BigInteger),
    Column("group_key", Id),
    Column("type", Code, nullable=False),
    Column("about", short_text(REASON_LENGTH), nullable=False),
    Column("why", short_text(REASON_LENGTH), nullable=False),
    # The name is that of the moment: a record must not change when a person does.
    Column("by_id", short_text(200), nullable=False),
    Column("by_name", short_text(200), nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("status", Code, nullable=False),
    # Of a group one decision at a time; empty once it is carried out.
    Column("claim", Id, unique=True),
    Column("reached", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("total", Integer, nullable=False),
    Column("settled", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("outcome", short_text(REASON_LENGTH), nullable=False),
    Column("finished_at", UtcDateTime),
    Index("ix_parking_decisions_status", "status", "id"),
)


class NoSuchGroup(Exception):
    """No parked event of this group waits (any more)."""

    def __init__(self) -> None:
        super().__init__("No such parked event waits (any more).")


class NoSuchDecision(Exception):
    """There is no decision with this id."""


class BadReason(Exception):
    """Why something is dropped must be told in a few readable words."""

    def __init__(self) -> None:
        super().__init__(
            f"say why in a few words: at most {REASON_LENGTH} characters, none of them unreadable"
        )
        self.most = REASON_LENGTH


class BeingDecided(Exception):
    """Somebody has just decided of this group, and it is being worked off."""

    def __init__(self, by_name: str) -> None:
        super().__init__(f"{by_name} has just decided of this group; it is being worked off.")
        self.by_name = by_name


class AppliedMeanwhile(Exception):
    """The event came once more and was applied then, so that it cannot be dropped."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"Event number {number} was applied when it came once more: retry it, which only "
            "clears it away."
        )
        self.number = number


refusals = {
    DecidedAlready: Refusal(409, _l("Event %(number)s was decided of already, by %(by)s.")),
    NotParked: Refusal(404, _l("There is no parked event %(number)s here.")),
    NoSuchGroup: Refusal(404, _l("No parked event of this group waits any more.")),
    BadReason: Refusal(
        422, _l("Say why in a few words: at most %(most)s characters, none of them unreadable.")
    ),
    AppliedMeanwhile: Refusal(
        409,
        _l(
            "Event %(number)s was applied when it came once more. Retry it: that only clears "
            "it away."
        ),
    ),
    NoSuchDecision: Refusal(404, _l("There is no such decision.")),
    BeingDecided: Refusal(
        409, _l("%(by_name)s has just decided of this group; it is being worked off.")
    ),
}


@dataclass(frozen=True)
class Decision:
    """Who decided what, when and why, and what came of it.

    Of `total` events `settled` were applied (or dropped) and `failed` stay parked; the
    rest was decided of by somebody else meanwhile. `outcome` is why one event stays.
    """

    id: str
    action: str
    number: int | None
    group_key: str | None
    type: str
    about: str
    why: str
    by_id: str
    by_name: str
    decided_at: datetime
    status: str
    total: int
    settled: int
    failed: int
    outcome: str
    finished_at: datetime | None

    @property
    def left(self) -> int:
        """How many are still to be worked on."""
        return self.total - self.settled - self.failed if self.status == RUNNING else 0


def find(reading: "Reading", decision_id: str) -> Decision:
    """One decision. Raises NoSuchDecision."""
    if not is_id(decision_id):
        raise NoSuchDecision
    row = reading.execute(select(*_SHOWN).where(table.c.id == decision_id)).one_or_none()
    if row is None:
        raise NoSuchDecision
    return Decision(*row)


def listed(reading: "Reading", most: int, before: str | None = None) -> Sequence[Decision]:
    """The record, newest first; older than the decision `before`."""
    wanted = select(*_SHOWN).order_by(table.c.id.desc()).limit(most)
    if before and is_id(before):
        wanted = wanted.where(table.c.id < before)
    return [Decision(*row) for row in reading.execute(wanted)]


def running(reading: "Reading") -> Sequence[Decision]:
    """What is being carried out now."""
    wanted = select(*_SHOWN).where(table.c.status == RUNNING).order_by(table.c.id)
    return [Decision(*row) for row in reading.execute(wanted)]


def any_running(reading: "Reading", decision_id: str | None = None) -> bool:
    """Whether this decision (None: any) is still to be carried out."""
    wanted = select(table.c.id).where(table.c.status == RUNNING)
    if decision_id:
        wanted = wanted.where(table.c.id == decision_id)
    return reading.execute(wanted.limit(1)).first() is not None


_SHOWN = tuple(
    table.c[name]
    for name in (
        *("id", "action", "number", "group_key", "type", "about", "why", "by_id", "by_name"),
        *("decided_at", "status", "total", "settled", "failed", "outcome", "finished_at"),
    )
)

"""Lists of tasks and counts over them: what the board and the API show."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select

from chassis.database import Reading
from tasks.domain import OPEN, Cents, Task
from tasks.models import all_tasks, task_rows, tasks


@dataclass(frozen=True)
class Wanted:
    """Which tasks a list is to show; None: whatever it is."""

    assignee_id: str | None = None
    status: str | None = None
    text: str | None = None
    ids: Sequence[str] | None = None


@dataclass(frozen=True)
class OpenNow:
    """How many tasks are open, all their fees in cents, and the position of the last one."""

    tasks: int
    fees: Cents
    last_position: int


def newest_tasks(reading: Reading, wanted: Wanted, most: int, before: int | None) -> list[Task]:
    """Tasks, newest first, born before the one at position `before`."""
    statement = task_rows().where(*_conditions(wanted)).order_by(tasks.c.position.desc())
    if before is not None:
        statement = statement.where(tasks.c.position < before)
    return all_tasks(reading, statement.limit(most))


def tasks_of(
    reading: Reading, user_id: str, most: int, after: tuple[str, int] | None
) -> list[Task]:
    """A person's tasks, the open ones first, then newest first; after (status, position)."""
    statement = (
        task_rows()
        .where(tasks.c.assignee_id == user_id)
        .order_by(tasks.c.status.desc(), tasks.c.position.desc())
    )
    if after is not None:
        status, position = after
        statement = statement.where(
            or_(
                tasks.c.status < status,
                and_(tasks.c.status == status, tasks.c.position < position),
            )
        )
    return all_tasks(reading, statement.limit(most))


def count_open(reading: Reading) -> OpenNow:
    """The open tasks in figures."""
    count, fees, last = reading.execute(
        select(func.count(), func.sum(tasks.c.fee), func.max(tasks.c.position)).where(
            tasks.c.status == OPEN
        )
    ).one()
    return OpenNow(count, int(fees or 0), last or 0)


def open_by_holder(reading: Reading) -> dict[str, int]:
    """How many open tasks each person holds."""
    rows = reading.execute(
        select(tasks.c.assignee_id, func.count().label("open_tasks"))
        .where(tasks.c.status == OPEN)
        .group_by(tasks.c.assignee_id)
    )
    return {row.assignee_id: row.open_tasks for row in rows}


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.assignee_id is not None:
        conditions.append(tasks.c.assignee_id.in_(_ids([wanted.assignee_id])))
    if wanted.ids is not None:
        conditions.append(tasks.c.id.in_(_ids(wanted.ids)))
    if wanted.status is not None:
        conditions.append(tasks.c.status == wanted.status)
    text = (wanted.text or "").strip()
    if text:
        conditions.append(_mentions(text))
    return conditions


def _mentions(text: str) -> ColumnElement[bool]:
    in_title = tasks.c.title_folded.contains(text.casefold(), autoescape=True)
    return or_(in_title, tasks.c.jira_id.in_(_ids([text.upper()])))


def _ids(ids: Sequence[str]) -> list[str]:
    # Ids are ASCII, and MySQL refuses to compare them with anything else.
    return [i for i in ids if i.isascii()]

"""Lists of tasks and counts over them: what the board and the API show."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from chassis.database import Reading
from chassis.prepared import prepared
from tasks.domain import OPEN, Cents, Task
from tasks.models import all_tasks, known, task_rows, tasks

ESCAPE = "/"


@dataclass(frozen=True)
class Wanted:
    """Which tasks a list is to show; None: whatever it is."""

    assignee_id: str | None = None
    status: str | None = None
    text: str | None = None
    ids: Sequence[str] | None = None


@dataclass(frozen=True)
class OpenNow:
    """How many tasks are open, and all their fees in cents."""

    tasks: int
    fees: Cents


def newest_tasks(reading: Reading, wanted: Wanted, most: int, before: int | None) -> list[Task]:
    """Tasks, newest first, born before the one at position `before`."""
    text = (wanted.text or "").strip()
    return all_tasks(
        reading,
        _newest(
            assignee_id=None if wanted.assignee_id is None else known(wanted.assignee_id),
            # Ids are ASCII, and MySQL refuses to compare them with anything else.
            ids=None if wanted.ids is None else [i for i in wanted.ids if i.isascii()],
            status=wanted.status,
            pattern=_pattern(text) if text else None,
            jira_id=known(text.upper()) if text else None,
            before=before,
            most=most,
        ),
    )


@prepared
def _newest(
    *,
    assignee_id: str | None,
    ids: Sequence[str] | None,
    status: str | None,
    pattern: str | None,
    jira_id: str | None,
    before: int | None,
    most: int,
) -> Select[Any]:
    statement = task_rows().order_by(tasks.c.position.desc()).limit(most)
    if assignee_id is not None:
        statement = statement.where(tasks.c.assignee_id == assignee_id)
    if ids is not None:
        statement = statement.where(tasks.c.id.in_(ids))
    if status is not None:
        statement = statement.where(tasks.c.status == status)
    if pattern is not None:
        in_title = tasks.c.title_folded.like(pattern, escape=ESCAPE)
        statement = statement.where(or_(in_title, tasks.c.jira_id == jira_id))
    if before is not None:
        statement = statement.where(tasks.c.position < before)
    return statement


def _pattern(text: str) -> str:
    """What LIKE finds this text by, wherever in a folded title it stands."""
    for special in (ESCAPE, "%", "_"):
        text = text.replace(special, ESCAPE + special)
    return f"%{text.casefold()}%"


def tasks_of(
    reading: Reading, user_id: str, most: int, after: tuple[str, int] | None
) -> list[Task]:
    """A person's tasks, the open ones first, then newest first; after (status, position)."""
    status, position = after or (None, None)
    return all_tasks(reading, _held_by(known(user_id), status, position, most))


@prepared
def _held_by(user_id: str, status: str | None, position: int | None, most: int) -> Select[Any]:
    statement = (
        task_rows()
        .where(tasks.c.assignee_id == user_id)
        .order_by(tasks.c.status.desc(), tasks.c.position.desc())
        .limit(most)
    )
    if position is None:
        return statement
    same_status = and_(tasks.c.status == status, tasks.c.position < position)
    return statement.where(or_(tasks.c.status < status, same_status))


def count_open(reading: Reading) -> OpenNow:
    """The open tasks in figures."""
    count, fees = reading.execute(
        select(func.count(), func.sum(tasks.c.fee)).where(tasks.c.status == OPEN)
    ).one()
    return OpenNow(count, int(fees or 0))


def last_open_position(reading: Reading) -> int:
    """The position of the youngest open task, 0 without any."""
    last = select(func.max(tasks.c.position)).where(tasks.c.status == OPEN)
    return reading.execute(last).scalar() or 0


def count_some(reading: Reading, after: int, up_to: int, most: int) -> tuple[int, int | None]:
    """How many tasks in (after, up_to] are open, counted to `most` at most.

    And the position of the last that was counted; None if there are no more.
    """
    some = (
        select(tasks.c.position)
        .where(tasks.c.status == OPEN, tasks.c.position > after, tasks.c.position <= up_to)
        .order_by(tasks.c.position)
        .limit(most)
        .subquery()
    )
    count, last = reading.execute(select(func.count(), func.max(some.c.position))).one()
    return count, last if count == most else None


def open_by_holder(reading: Reading, holders: Collection[str]) -> dict[str, int]:
    """How many open tasks each of these people holds, where he holds any."""
    if not holders:
        return {}
    return {row.assignee_id: row.held for row in reading.execute(_held_open(sorted(holders)))}


@prepared
def _held_open(holders: Sequence[str]) -> Select[Any]:
    return (
        select(tasks.c.assignee_id, func.count().label("held"))
        .where(tasks.c.status == OPEN, tasks.c.assignee_id.in_(holders))
        .group_by(tasks.c.assignee_id)
    )


def holders_of_open(reading: Reading) -> set[str]:
    """Who holds an open task, found with a look into an index for each of them."""
    return set(reading.execute(_holders()).scalars())


@prepared
def _holders() -> Select[Any]:
    # Grouped by the status as well, MariaDB leaps from holder to holder in the one index
    # that has no more columns; asked for DISTINCT it takes a wider one, three times as slow.
    return (
        select(tasks.c.assignee_id)
        .where(tasks.c.status == OPEN)
        .group_by(tasks.c.status, tasks.c.assignee_id)
    )

"""What tasks knows to have happened, for checking against the money of accounts.

Rule 8: every assignment is charged exactly once, every closed task paid exactly once.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import select

from chassis.database import Reading
from tasks.domain import CLOSED, Cents
from tasks.models import assignments, tasks

ROWS_AT_ONCE = 1_000


class Charge(NamedTuple):
    """An assignment, whose assignee owes the fee."""

    assignment_id: str
    task_id: str
    assignee_id: str
    fee: Cents


class Pay(NamedTuple):
    """A closed task, whose assignee is owed the reward."""

    task_id: str
    assignee_id: str
    reward: Cents


def charges(reading: Reading) -> Iterator[Charge]:
    """Every assignment that ever was, by id; read while the look is open."""
    rows = select(
        assignments.c.id, assignments.c.task_id, assignments.c.assignee_id, tasks.c.fee
    ).join(tasks, tasks.c.id == assignments.c.task_id)
    after = ""
    while True:
        chunk = rows.where(assignments.c.id > after).order_by(assignments.c.id)
        found = reading.execute(chunk.limit(ROWS_AT_ONCE)).all()
        yield from (Charge(*row) for row in found)
        if len(found) < ROWS_AT_ONCE:
            return
        after = found[-1].id


def pays(reading: Reading) -> Iterator[Pay]:
    """Every closed task, in the order of birth; read while the look is open."""
    rows = select(tasks.c.position, tasks.c.id, tasks.c.assignee_id, tasks.c.reward)
    after = 0
    while True:
        chunk = rows.where(tasks.c.status == CLOSED, tasks.c.position > after)
        found = reading.execute(chunk.order_by(tasks.c.position).limit(ROWS_AT_ONCE)).all()
        yield from (Pay(*row[1:]) for row in found)
        if len(found) < ROWS_AT_ONCE:
            return
        after = found[-1].position

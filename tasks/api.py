"""The REST side of tasks; paths below `/tasks/api/v1`."""

from datetime import datetime
from typing import Literal

from flask import request
from pydantic import BaseModel, Field, field_validator

from chassis.access import allowed, current_user, signed_in, signed_in_or_service
from chassis.openapi import Api, Input, Listing
from chassis.paging import MOST, page_of, read_cursor
from chassis.runtime import query as ask
from contracts.roles import MANAGEMENT
from tasks import actions, board, models, shuffles
from tasks.domain import Shuffle, Task
from tasks.drafts import draft
from tasks.keys import key_for

api = Api("tasks", "Tasks of UberPopug Inc.")

QUERY_MOST = 200
ME = "me"


class NewTask(Input):
    """What is to be done. A leading `[POPUG-42]` becomes the task's Jira id."""

    title: str
    description: str | None = None


class Reassignment(Input):
    """To whom a task goes; by chance, if nobody is named."""

    assignee_id: str | None = None


class TasksWanted(Listing):
    """Which tasks to list; `assignee=me` is whoever asks, `ids` is separated by commas."""

    assignee: str | None = None
    status: Literal["open", "closed"] | None = None
    q: str | None = Field(None, max_length=QUERY_MOST)
    ids: str | None = None

    @field_validator("ids")
    @classmethod
    def _not_too_many(cls, ids: str | None) -> str | None:
        if ids and ids.count(",") >= MOST:
            raise ValueError(f"ask for at most {MOST} ids at a time")
        return ids


class TaskOut(BaseModel):
    """A task. `fee` and `reward` are cents."""

    id: str
    jira_id: str | None
    title: str
    description: str
    status: Literal["open", "closed"]
    assignee_id: str
    fee: int
    reward: int
    created_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, task: Task) -> "TaskOut":
        return cls.model_validate(task, from_attributes=True)


class TasksOut(BaseModel):
    """A page of tasks, newest first."""

    items: list[TaskOut]
    next: str | None


class ShuffleOut(BaseModel):
    """How far a shuffle has come: of `total` tasks, `done` are dealt.

    Above 50,000 tasks the `total` is counted in pieces, before the first is dealt.
    """

    id: str
    status: Literal["running", "done"]
    total: int
    done: int
    skipped: int
    started_by: str
    started_at: datetime

    @classmethod
    def of(cls, shuffle: Shuffle) -> "ShuffleOut":
        return cls.model_validate(shuffle, from_attributes=True)


@api.get("/tasks")
@signed_in_or_service
@api.describe(answer=TasksOut)
def list_tasks(query: TasksWanted) -> TasksOut:
    """Tasks, newest first. `q` is looked for in titles, or is a whole Jira id."""
    wanted = board.Wanted(
        assignee_id=current_user.user_id if query.assignee == ME else query.assignee,
        status=query.status,
        text=query.q,
        ids=None if query.ids is None else query.ids.split(","),
    )
    before = read_cursor(query.after, int)
    found = ask(board.newest_tasks, wanted, query.limit + 1, before[0] if before else None)
    page = page_of(found, query.limit, lambda task: [task.position])
    return TasksOut(items=[TaskOut.of(task) for task in page.items], next=page.next)


@api.post("/tasks")
@signed_in
@api.describe(answer=TaskOut, status=201, refuses=(409, 503))
def create_task(json: NewTask) -> tuple[TaskOut, int]:
    """Make a task; it lands on somebody by chance. Send an Idempotency-Key to be safe."""
    wording = draft(json.title, json.description or "")
    key = key_for(current_user.user_id, _key(), *actions.request_of(wording))
    return TaskOut.of(actions.create(wording, key)), 201


@api.get("/tasks/<task_id>")
@signed_in_or_service
@api.describe(answer=TaskOut, refuses=(404,))
def show_task(task_id: str) -> TaskOut:
    """One task."""
    return TaskOut.of(ask(models.find_task, task_id))


@api.post("/tasks/<task_id>/close")
@signed_in
@api.describe(answer=TaskOut, refuses=(404, 409))
def close_task(task_id: str) -> TaskOut:
    """Close an open task of one's own. A refusal names the `holder_id`."""
    return TaskOut.of(actions.close(task_id))


@api.post("/tasks/<task_id>/reassign")
@allowed(*MANAGEMENT)
@api.describe(answer=TaskOut, refuses=(404, 409, 503))
def reassign_task(task_id: str, json: Reassignment) -> TaskOut:
    """Give an open task to somebody else: to whom is said, or by chance."""
    return TaskOut.of(actions.reassign(task_id, json.assignee_id))


@api.post("/shuffles")
@allowed(*MANAGEMENT)
@api.describe(answer=ShuffleOut, status=202, refuses=(409, 503))
def start_shuffle() -> tuple[ShuffleOut, int]:
    """Deal every open task anew. Send an Idempotency-Key to be safe."""
    key = key_for(current_user.user_id, _key(), "shuffle")
    return ShuffleOut.of(ask(shuffles.find_shuffle, actions.shuffle(key))), 202


@api.get("/shuffles/<shuffle_id>")
@allowed(*MANAGEMENT)
@api.describe(answer=ShuffleOut, refuses=(404,))
def show_shuffle(shuffle_id: str) -> ShuffleOut:
    """How far a shuffle has come."""
    return ShuffleOut.of(ask(shuffles.find_shuffle, shuffle_id))


def _key() -> str | None:
    return request.headers.get("Idempotency-Key")

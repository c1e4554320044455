"""A service for tests of the chassis: counts how many tasks were assigned to whom.

Emits: task_closed (from `/add`). Hears: task_assigned, access_changed.
"""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template
from pydantic import BaseModel
from sqlalchemy import Column, Integer, MetaData, Table, select

from chassis.access import allowed, current_user, public, remember_access, signed_in
from chassis.clock import Clock
from chassis.columns import Id
from chassis.database import Reading, Transaction
from chassis.inbox import Batch, Handlers
from chassis.jobs import Job
from chassis.openapi import Api, Input, Listing
from chassis.paging import page_of, read_cursor
from chassis.refusals import Problem, Refusal
from chassis.runtime import Runtime, query, runtime, transact
from chassis.service import Link, Service
from contracts.auth import AccessChanged
from contracts.tasks import TaskAssigned, TaskClosed

metadata = MetaData()
counts = Table(
    "counts",
    metadata,
    Column("name", Id, primary_key=True),
    Column("number", Integer, nullable=False),
)


class Indigestible(Exception):
    """An event that this service cannot take."""


class Full(Exception):
    """There is no room for this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def add(tx: Transaction, name: str, number: int = 1) -> None:
    """Count up in one statement."""
    tx.upsert(
        counts,
        [{"name": name, "number": number}],
        lambda old, new: {"number": old.c.number + new.number},
    )


def numbers(reading: Reading) -> dict[str, int]:
    """All counts by name."""
    return {row.name: row.number for row in reading.execute(select(counts))}


def add_and_say(tx: Transaction, name: str) -> None:
    """Count up, and emit an event of it."""
    add(tx, name)
    tx.emit(closed(tx.now, name))


def closed(now: Any, name: str) -> TaskClosed:
    """An event to emit."""
    return TaskClosed(task_id=name, assignee_id=name, fee=1, reward=2, closed_at=now)


def assigned(clock: Clock, name: str, task_id: str = "t1") -> TaskAssigned:
    """An event to hear. The name "poison" cannot be applied."""
    return TaskAssigned(
        assignment_id="a1",
        task_id=task_id,
        assignee_id=name,
        fee=1000,
        reward=2000,
        reason="created",
        assigned_at=clock.now(),
    )


handlers = Handlers()
handlers.hears(AccessChanged)(remember_access)


@handlers.hears(TaskAssigned)
def count_assigned(tx: Transaction, events: Batch[TaskAssigned]) -> None:
    """Count each event, and refuse the poisonous one after a part of the work."""
    for event in events:
        add(tx, event.data.assignee_id)
        tx.emit(closed(tx.now, event.data.assignee_id), traceparent=event.traceparent)
        if event.data.assignee_id == "poison":
            raise Indigestible("cannot be applied")


pages = Blueprint("pages", __name__)


@pages.get("/")
@public
def front() -> str:
    return render_template("counter/page.html", text="<b>open</b>")


@pages.get("/mine")
@signed_in
def mine() -> str:
    return f"{current_user.user_id} {current_user.role}"


@pages.get("/admins")
@allowed("admin")
def admins() -> str:
    return "for admins"


@pages.post("/add/<name>")
@signed_in
def add_one(name: str) -> Any:
    transact(add_and_say, name)
    flash("Counted.", "success")
    return redirect("/counter/", 303)


@pages.get("/boom")
@public
def boom() -> str:
    raise RuntimeError("card 4111111111111111 leaked")


@pages.get("/full")
@public
def full() -> str:
    raise Full("the nest")


@pages.get("/labels")
@signed_in
def labels() -> Any:
    return jsonify(runtime.remote.labels("auth", "/api/v1/users", ["u1", "u2"], "name"))


api = Api("counter", "Counts")


class CountOut(BaseModel):
    """One count."""

    name: str
    number: int


class CountsOut(BaseModel):
    """A page of counts."""

    items: list[CountOut]
    next: str | None


class NewCount(Input):
    """What to count."""

    name: str
    number: int


def _page(reading: Reading, limit: int, after: tuple[Any, ...] | None) -> Sequence[Any]:
    wanted = select(counts).order_by(counts.c.name).limit(limit + 1)
    if after:
        wanted = wanted.where(counts.c.name > after[0])
    return reading.execute(wanted).all()


@api.get("/counts")
@signed_in
@api.describe(answer=CountsOut)
def list_counts(query: Listing) -> Any:
    rows = _rows(query)
    page = page_of(rows, query.limit, lambda row: [row.name])
    return {"items": [dict(row._mapping) for row in page.items], "next": page.next}


def _rows(wanted: Listing) -> Sequence[Any]:
    return query(_page, wanted.limit, read_cursor(wanted.after, str))


@api.post("/counts")
@signed_in
@api.describe(answer=CountOut, status=201, refuses=(409,))
def create(json: NewCount) -> Any:
    if json.number < 0:
        raise Problem(409, "No counting down.", name=json.name)
    transact(add, json.name, json.number)
    return {"name": json.name, "number": json.number}, 201


def _count_run(at_work: Runtime) -> bool:
    at_work.database.run(add, "job")
    return False


service = Service(
    name="counter",
    package=__name__,
    metadata=metadata,
    pages=(pages,),
    api=api,
    handlers=handlers,
    jobs=(Job("count", _count_run, every_seconds=3600),),
    links=(
        Link("Counts", "/", "list"),
        Link("Admins", "/admins", "lock", roles=frozenset({"admin"})),
    ),
    refusals={Full: Refusal(409, "No room in %(name)s.")},
)

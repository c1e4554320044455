"""The REST side of parked events, the same in every service: `/api/v1/parked...`."""

from datetime import datetime
from typing import Any, Literal

from flask import Flask
from pydantic import BaseModel, Field

from chassis import deciding, decisions, parking
from chassis.access import allowed
from chassis.decisions import DROP, RETRY, Decision
from chassis.openapi import API_PREFIX, Input, Listing
from chassis.paging import page_of, read_cursor
from chassis.parked_pages import note, number_of, who
from chassis.runtime import Runtime, runtime, transact
from chassis.runtime import query as look


class ParkedOut(BaseModel):
    """A parked event; `payload` is its bytes, what is no UTF-8 as backslash escapes."""

    number: int
    type: str
    reason: str
    group: str
    attempts: int
    parked_at: datetime
    status: Literal["parked", "retried", "dropped"]
    trace_id: str | None
    detail: str
    payload: str
    decision_id: str | None

    @classmethod
    def of(cls, event: parking.Parked) -> "ParkedOut":
        """The event as others see it."""
        return cls(
            number=event.id,
            group=event.group_key,
            trace_id=event.trace_id,
            payload=event.payload.decode("utf-8", "backslashreplace"),
            **{
                name: getattr(event, name)
                for name in ("type", "reason", "attempts", "parked_at", "status", "detail")
            },
            decision_id=event.decision_id,
        )


class ParkedListOut(BaseModel):
    """A page of what waits, oldest first."""

    items: list[ParkedOut]
    next: str | None


class GroupOut(BaseModel):
    """Parked events of one type whose reasons differ in ids and numbers only."""

    group: str
    type: str
    reason: str
    count: int
    first_at: datetime
    last_at: datetime


class GroupsOut(BaseModel):
    """A page of groups, by their oldest event."""

    items: list[GroupOut]
    next: str | None


class DecisionOut(BaseModel):
    """Who decided what of parked events, when and why, and what came of it.

    `number` is set for one event, `group` for a group, neither for all that waited.
    Of `total` events `settled` were applied or dropped, `failed` stay parked.
    """

    id: str
    action: Literal["retry", "drop"]
    number: int | None
    group: str | None
    type: str
    about: str
    why: str
    by_id: str
    by_name: str
    decided_at: datetime
    status: Literal["running", "done"]
    total: int
    settled: int
    failed: int
    outcome: str
    finished_at: datetime | None

    @classmethod
    def of(cls, decision: Decision) -> "DecisionOut":
        """The decision as others see it."""
        return cls(**{**vars(decision), "group": decision.group_key})


class DecisionsOut(BaseModel):
    """A page of the record, newest first."""

    items: list[DecisionOut]
    next: str | None


class ParkedQuery(Listing):
    """Of one group, or all."""

    group: str | None = Field(None, max_length=64)


class Why(Input):
    """Why something is dropped."""

    reason: str


def add_parked_api(app: Flask, at: Runtime) -> None:
    """Serve the routes to the roles that run the system."""
    guard, described = allowed(*at.operators), at.service.api.describe
    for rule, view, method, answer, status, refuses in (
        ("", list_parked, "GET", ParkedListOut, 200, ()),
        ("/groups", list_groups, "GET", GroupsOut, 200, ()),
        ("/groups/<key>/retry", retry_group, "POST", DecisionOut, 202, (404, 409)),
        ("/groups/<key>/drop", drop_group, "POST", DecisionOut, 202, (404, 409)),
        ("/events/<number>", show_parked, "GET", ParkedOut, 200, (404,)),
        ("/events/<number>/retry", retry_parked, "POST", DecisionOut, 200, (404, 409)),
        ("/events/<number>/drop", drop_parked, "POST", DecisionOut, 200, (404, 409)),
        ("/decisions", list_decisions, "GET", DecisionsOut, 200, ()),
        ("/decisions/<decision_id>", show_decision, "GET", DecisionOut, 200, (404,)),
    ):
        checked = described(answer=answer, status=status, refuses=refuses)(view)
        app.add_url_rule(
            f"{API_PREFIX}/parked{rule}",
            f"api_{view.__name__}",
            guard(checked),
            methods=[method],
        )


def list_parked(query: ParkedQuery) -> Any:
    """What waits for a decision."""
    after = read_cursor(query.after, int)
    events = look(parking.waiting, query.limit + 1, after[0] if after else 0, query.group)
    page = page_of(events, query.limit, lambda event: [event.id])
    return _page([ParkedOut.of(event) for event in page.items], page.next)


def list_groups(query: Listing) -> Any:
    """What waits, by group."""
    after = read_cursor(query.after, int)
    rows = look(parking.groups, query.limit + 1, after[0] if after else 0)
    page = page_of(rows, query.limit, lambda group: [group.first_id])
    return _page([GroupOut(group=g.key, **_without_key(g)) for g in page.items], page.next)


def show_parked(number: str) -> Any:
    """One event that is or was parked."""
    return ParkedOut.of(look(parking.find, number_of(number))).model_dump(mode="json")


def retry_parked(number: str) -> Any:
    """Try one event again; `failed` is 1 if it stays parked, `outcome` then says why."""
    decision = transact(deciding.retry_one, runtime.consumer, number_of(number), who())
    return _told(decision)


def drop_parked(number: str, json: Why) -> Any:
    """Never apply one event; its bytes are kept."""
    why = deciding.clean_reason(json.reason)
    return _told(transact(deciding.drop_one, number_of(number), who(), why))


def retry_group(key: str) -> Any:
    """Begin to try a group again."""
    return _begun(RETRY, key, "")


def drop_group(key: str, json: Why) -> Any:
    """Begin to drop a group."""
    return _begun(DROP, key, deciding.clean_reason(json.reason))


def list_decisions(query: Listing) -> Any:
    """The record of what was decided."""
    before = read_cursor(query.after, str)
    rows = look(decisions.listed, query.limit + 1, before[0] if before else None)
    page = page_of(rows, query.limit, lambda decision: [decision.id])
    return _page([DecisionOut.of(decision) for decision in page.items], page.next)


def show_decision(decision_id: str) -> Any:
    """One decision, and how far it has been carried out."""
    return DecisionOut.of(look(decisions.find, decision_id)).model_dump(mode="json")


def _begun(action: str, key: str, why: str) -> Any:
    decision_id = transact(deciding.begin, action, key, who(), why)
    return _told(look(decisions.find, decision_id)), 202


def _told(decision: Decision) -> Any:
    note(decision)
    return DecisionOut.of(decision).model_dump(mode="json")


def _page(items: list[Any], following: str | None) -> Any:
    return {"items": [item.model_dump(mode="json") for item in items], "next": following}


def _without_key(group: parking.Group) -> dict[str, Any]:
    shown = ("type", "reason", "count", "first_at", "last_at")
    return {name: getattr(group, name) for name in shown}

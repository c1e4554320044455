"""One task's way through all services: which events it caused, and who has applied them.

Nothing of this is stored here: each service tells what it sent, applied and parked, and
one that does not answer is shown as such.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

APPLIED, PARKED, WAITS, SILENT = "applied", "parked", "waits", "silent"


@dataclass(frozen=True)
class Listener:
    """How far one service is with one event; `seconds` from being written to being applied."""

    service: str
    state: str
    at: datetime | None = None
    seconds: float | None = None
    parked_number: int | None = None


@dataclass(frozen=True)
class Step:
    """One event of the journey; `sent_at` is empty while it waits or is not known any more."""

    event_id: str
    type: str
    data: Mapping[str, Any]
    trace_id: str | None
    at: datetime
    sent_at: datetime | None
    waits: bool
    listeners: Sequence[Listener]

    @property
    def name(self) -> str:
        """The event's name without the service and the version: task_closed."""
        return self.type.rsplit(".", 2)[-2]


# What one service says of a subject, as `/eventsz` gives it; None if it did not answer.
Facts = Mapping[str, Mapping[str, Any] | None]


def steps(facts: Facts, hears: Mapping[str, frozenset[str]]) -> list[Step]:
    """Every event that anybody knows of, oldest first; `hears` are the types by service."""
    sent: dict[str, Any] = {}
    heard: dict[str, Any] = {}
    for told in facts.values():
        for event in (told or {}).get("sent", ()):
            sent[event["event_id"]] = event
        for event in (told or {}).get("heard", ()):
            heard.setdefault(event["event_id"], event)
    found = [_step(sent.get(event_id), event, facts, hears)
             for event_id, event in {**heard, **sent}.items()]  # fmt: skip
    return sorted(found, key=lambda step: (step.at, step.event_id))


def _step(
    sent: Mapping[str, Any] | None,
    event: Mapping[str, Any],
    facts: Facts,
    hears: Mapping[str, frozenset[str]],
) -> Step:
    at = _moment(sent["created_at"]) if sent else _moment(event["time"])
    assert at, "an event has its time"  # noqa: S101 - checked when it was declared
    return Step(
        event_id=event["event_id"],
        type=event["type"],
        data=event["data"] or {},
        trace_id=event["trace_id"],
        at=at,
        sent_at=_moment(sent["sent_at"]) if sent else None,
        waits=sent is not None and sent["sent_at"] is None,
        listeners=[
            _listener(service, event, at, facts.get(service))
            for service, types in hears.items()
            if event["type"] in types
        ],
    )


def _listener(
    service: str, event: Mapping[str, Any], at: datetime, told: Mapping[str, Any] | None
) -> Listener:
    if told is None:
        return Listener(service, SILENT)
    for heard in told["heard"]:
        if heard["event_id"] == event["event_id"]:
            applied = _moment(heard["applied_at"])
            seconds = (applied - at).total_seconds() if applied else None
            return Listener(service, APPLIED, applied, seconds)
    for parked in told["parked"]:
        if parked["event_id"] == event["event_id"]:
            return Listener(
                service, PARKED, _moment(parked["parked_at"]), parked_number=parked["number"]
            )
    return Listener(service, WAITS)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

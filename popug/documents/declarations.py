"""What the declarations tell of each event: who says and hears it, its schema, an example."""

import json
from collections.abc import Mapping
from typing import Any

from chassis.events import Event, declared
from popug.system import system

EXAMPLE_ID = "019cd6a5-4c00-7000-8000-000000000001"
EXAMPLE_MOMENT = "2026-03-10T12:00:00Z"
EXAMPLE_DAY = "2026-03-10"
EXAMPLE_CENTS = 1500
EXAMPLE_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def events() -> list[type[Event]]:
    """Every declared event, by type."""
    return [event for _, event in sorted(declared().items())]


def emitter(event: type[Event]) -> str:
    """The service that says this: the second part of the type."""
    return event.type.split(".")[1]


def listeners(event: type[Event]) -> list[str]:
    """The services that hear this, in the order of the navigation."""
    return [s.name for s in system.services if event.type in s.handlers.types]


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema of an event's data."""
    schema = event.model_json_schema()
    for described in schema["properties"].values():
        described.pop("title", None)
    return {"$id": event.type, **schema}


def example_of(event: type[Event]) -> dict[str, Any]:
    """The envelope of one such event, with made-up data that its declaration accepts."""
    data = {
        name: _example(described)
        for name, described in schema_of(event)["properties"].items()
        if name in schema_of(event)["required"]
    }
    return {
        "specversion": "1.0",
        "id": EXAMPLE_ID,
        "source": f"/popug/{emitter(event)}",
        "type": event.type,
        "subject": data[event.subject_field],
        "time": EXAMPLE_MOMENT,
        "datacontenttype": "application/json",
        "traceparent": EXAMPLE_TRACE,
        "data": data,
    }


def _example(described: Mapping[str, Any]) -> Any:
    if "enum" in described:
        return described["enum"][0]
    by_format = {"date": EXAMPLE_DAY, "date-time": EXAMPLE_MOMENT}
    if described.get("format") in by_format:
        return by_format[described["format"]]
    if described.get("pattern") == "^[A-Z]{3}$":
        return "USD"
    by_type = {"string": EXAMPLE_ID, "integer": EXAMPLE_CENTS, "boolean": True, "array": []}
    return by_type[described["type"]]


def says(event: type[Event]) -> str:
    """What its declaration says of it."""
    return "\n".join(line.strip() for line in (event.__doc__ or "").strip().splitlines())


def as_json(content: Any) -> str:
    """JSON as it stands in the documents."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

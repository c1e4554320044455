"""`docs/asyncapi.json`: channels, operations and messages."""

from typing import Any

from chassis.events import CONTENT_TYPE, Event
from popug.documents.declarations import (
    emitter,
    events,
    example_of,
    listeners,
    says,
    schema_of,
)

VERSION = "1.0.0"

_CLOUD_EVENT = {
    "$id": "CloudEvent",
    "description": "CloudEvents 1.0, structured mode.",
    "type": "object",
    "required": ["specversion", "id", "source", "type", "time", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 64},
        "source": {"type": "string"},
        "type": {"type": "string"},
        "subject": {"type": "string"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "traceparent": {"type": "string"},
        "data": {"type": "object"},
    },
}


def asyncapi() -> dict[str, Any]:
    """`docs/asyncapi.json`: a channel per type; each service sends or receives it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Popug",
            "version": VERSION,
            "description": "What the services of Popug say to each other.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            e.type: {"address": e.type, "messages": {e.__name__: _ref("messages", e.__name__)}}
            for e in events()
        },
        "operations": _operations(),
        "components": {
            "messages": {e.__name__: _message(e) for e in events()},
            "schemas": {e.__name__: schema_of(e) for e in events()} | {"CloudEvent": _CLOUD_EVENT},
        },
    }


def _operations() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in events():
        channel = {"$ref": f"#/channels/{event.type}"}
        found[f"{emitter(event)}.send.{event.__name__}"] = {"action": "send", "channel": channel}
        for service in listeners(event):
            found[f"{service}.receive.{event.__name__}"] = {"action": "receive", "channel": channel}
    return found


def _message(event: type[Event]) -> dict[str, Any]:
    return {
        "name": event.type,
        "summary": says(event).splitlines()[0],
        "contentType": CONTENT_TYPE,
        "payload": {
            "allOf": [
                _ref("schemas", "CloudEvent"),
                {
                    "properties": {
                        "type": {"const": event.type},
                        "source": {"const": f"/popug/{emitter(event)}"},
                        "data": _ref("schemas", event.__name__),
                    }
                },
            ]
        },
        "examples": [{"payload": example_of(event)}],
    }


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}

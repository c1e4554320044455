"""The documents of the events, made from their declarations: `make docs`.

`docs/events.md` is for people, `docs/asyncapi.json` (AsyncAPI 3.0) for programs. A test
fails when they are not what this module would write.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chassis.events import CONTENT_TYPE, Event, declared
from popug.system import system

DOCS = Path(__file__).parents[1] / "docs"
VERSION = "1.0.0"

EXAMPLE_ID = "019cd6a5-4c00-7000-8000-000000000001"
EXAMPLE_MOMENT = "2026-03-10T12:00:00Z"
EXAMPLE_DAY = "2026-03-10"
EXAMPLE_CENTS = 1500
EXAMPLE_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def main() -> None:
    """Write all documents."""
    for name, text in documents().items():
        (DOCS / name).write_text(text, encoding="utf-8")


def documents() -> Mapping[str, str]:
    """File names in `docs/` and what must stand in them."""
    return {"events.md": events_page(), "asyncapi.json": _as_json(asyncapi())}


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


def events_page() -> str:
    """`docs/events.md`."""
    return "\n".join([_HEAD, _overview(), *[_chapter(event) for event in _events()]])


def _events() -> list[type[Event]]:
    return [event for _, event in sorted(declared().items())]


def _overview() -> str:
    rows = [
        f"| [{e.type}](#{e.type.replace('.', '')}) | {emitter(e)} | {_heard_by(e)} |"
        for e in _events()
    ]
    return "\n".join(["| type | said by | heard by |", "|---|---|---|", *rows, ""])


def _heard_by(event: type[Event]) -> str:
    heard = listeners(event)
    return "all" if len(heard) == len(system.services) else ", ".join(heard) or "nobody yet"


def _chapter(event: type[Event]) -> str:
    schema = schema_of(event)
    rows = [
        f"| `{name}` | {_kind(described)} | {'yes' if name in schema['required'] else 'no'} |"
        for name, described in schema["properties"].items()
    ]
    return "\n".join(
        [
            f"## {event.type}",
            "",
            _says(event),
            "",
            f"Said by {emitter(event)}, heard by {_heard_by(event)}. "
            f"Its subject is `{event.subject_field}`.",
            "",
            "| field | what it holds | required |",
            "|---|---|---|",
            *rows,
            "",
            "```json",
            _as_json(example_of(event)).rstrip(),
            "```",
            "",
        ]
    )


def _says(event: type[Event]) -> str:
    return "\n".join(line.strip() for line in (event.__doc__ or "").strip().splitlines())


def _kind(described: Mapping[str, Any]) -> str:
    """A field's type and limits in a few words."""
    if "anyOf" in described:
        return " or ".join(_kind(one) for one in described["anyOf"])
    if described["type"] == "array":
        return f"list of: {_kind(described['items'])}"
    words = [described.get("format", described["type"])]
    if "enum" in described:
        words = ["one of " + ", ".join(f"`{value}`" for value in described["enum"])]
    if "minimum" in described:
        words.append(f"{described['minimum']:,} to {described['maximum']:,}")
    if "maxLength" in described:
        words.append(f"at most {described['maxLength']} characters")
    if "pattern" in described:
        words.append(f"`{described['pattern']}`")
    return ", ".join(words)


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
            for e in _events()
        },
        "operations": _operations(),
        "components": {
            "messages": {e.__name__: _message(e) for e in _events()},
            "schemas": {e.__name__: schema_of(e) for e in _events()} | {"CloudEvent": _CLOUD_EVENT},
        },
    }


def _operations() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in _events():
        channel = {"$ref": f"#/channels/{event.type}"}
        found[f"{emitter(event)}.send.{event.__name__}"] = {"action": "send", "channel": channel}
        for service in listeners(event):
            found[f"{service}.receive.{event.__name__}"] = {"action": "receive", "channel": channel}
    return found


def _message(event: type[Event]) -> dict[str, Any]:
    return {
        "name": event.type,
        "summary": _says(event).splitlines()[0],
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


def _as_json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


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

_HEAD = """# Events

Made by `make docs` from the declarations in `contracts/`; a test keeps it fresh, so change
those and not this page.

Events travel as [CloudEvents 1.0](https://cloudevents.io) in structured JSON. `id` is unique
per event, `subject` is the id of the thing spoken of, `traceparent` carries the trace of the
click that caused it. Amounts are integers in minor units (cents), moments are ISO 8601 in UTC,
dates are business days in the company's time zone. Handlers commute: whatever the order of
delivery, and however often an event comes, the end state is the same. A reader passes over
fields that it does not know, so optional ones may be added within a version; anything else is
the next version beside the old one.
"""

if __name__ == "__main__":
    main()

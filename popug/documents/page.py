"""`docs/events.md`: a chapter for each event."""

from collections.abc import Mapping
from typing import Any

from chassis.events import Event
from popug.documents.declarations import (
    as_json,
    emitter,
    events,
    example_of,
    listeners,
    says,
    schema_of,
)
from popug.system import system

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


def events_page() -> str:
    """`docs/events.md`."""
    return "\n".join([_HEAD, _overview(), *[_chapter(event) for event in events()]])


def _overview() -> str:
    rows = [
        f"| [{e.type}](#{e.type.replace('.', '')}) | {emitter(e)} | {_heard_by(e)} |"
        for e in events()
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
            says(event),
            "",
            f"Said by {emitter(event)}, heard by {_heard_by(event)}. "
            f"Its subject is `{event.subject_field}`.",
            "",
            "| field | what it holds | required |",
            "|---|---|---|",
            *rows,
            "",
            "```json",
            as_json(example_of(event)).rstrip(),
            "```",
            "",
        ]
    )


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

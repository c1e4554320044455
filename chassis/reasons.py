"""Which parked events are alike, and what their bytes claim to be.

Reasons that differ only in ids and numbers, of one type of event, are one group: most
often one cause, which is mended once and then retried for all of them.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from chassis.columns import ID_LENGTH
from chassis.tracing import valid_traceparent

_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
# Ids (also short ones, like t4711), then bare numbers; a version like v2 stays.
_CHANGING = re.compile(rf"(?i)(?P<id>{_UUID}|\b(?=\w*[a-z])\w*\d\d\w*)|\b\d+(?:\.\d+)?\b")


@dataclass(frozen=True)
class Claims:
    """What bytes say of themselves; nothing where they cannot be read."""

    event_id: str | None = None
    subject: str | None = None
    trace_id: str | None = None
    time: datetime | None = None


def shape(reason: str) -> str:
    """A reason without what differs from event to event: ids are …, numbers #."""
    return _CHANGING.sub(lambda found: "…" if found["id"] else "#", reason)


def key_of(kind: str, reason: str) -> str:
    """The key of the group that a type and a reason belong to."""
    return hashlib.sha256(f"{kind}\n{shape(reason)}".encode("utf-8", "replace")).hexdigest()[:32]


def claims(payload: bytes) -> Claims:
    """Which event the bytes claim to be, about what, and in which trace."""
    try:
        content = from_json(payload)
    except ValueError:
        return Claims()
    if not isinstance(content, dict):
        return Claims()
    trace = content.get("traceparent")
    known = isinstance(trace, str) and valid_traceparent(trace)
    return Claims(
        _as_id(content.get("id")),
        _as_id(content.get("subject")),
        str(trace)[3:35] if known else None,
        _as_moment(content.get("time")),
    )


def is_id(text: str) -> bool:
    """Whether the text could be an id at all: what a column of ids takes."""
    return 0 < len(text) <= ID_LENGTH and text.isascii() and text.isprintable()


def _as_moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _as_id(value: Any) -> str | None:
    return value if isinstance(value, str) and is_id(value) else None

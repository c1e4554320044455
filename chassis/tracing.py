"""One trace id follows a click through every service (W3C Trace Context)."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def new_traceparent() -> str:
    """A fresh `traceparent` value that starts a trace."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def valid_traceparent(value: str | None) -> bool:
    """Whether `value` is a version-00 traceparent with ids that are not all zero."""
    match = _TRACEPARENT.match(value or "")
    return bool(match and set(match[1]) != {"0"} and set(match[2]) != {"0"})


def continued(value: str | None) -> str:
    """`value` as a new span of the same trace, or a fresh trace when it is not valid."""
    if value is None or not valid_traceparent(value):
        return new_traceparent()
    return f"{value[:36]}{secrets.token_hex(8)}-01"


def current_traceparent() -> str:
    """The traceparent of the work at hand; outside any, a fresh one each time."""
    return _current.get() or new_traceparent()


def trace_id() -> str:
    """The 32 hex digits of the current trace."""
    return current_traceparent()[3:35]


def trace_id_of(traceparent: str | None) -> str | None:
    """The 32 hex digits of the trace that a valid traceparent belongs to."""
    return traceparent[3:35] if traceparent else None


def in_trace() -> bool:
    """Whether the work at hand belongs to a trace."""
    return _current.get() is not None


@contextmanager
def traced(traceparent: str | None) -> Iterator[None]:
    """Do the work inside under this traceparent (None: under a fresh trace)."""
    token = _current.set(traceparent or new_traceparent())
    try:
        yield
    finally:
        _current.reset(token)

"""Structured logs: one line per event, with the trace id that follows a click."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from chassis import tracing


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.setdefault("trace_id", tracing.trace_id())
    return event


def configure(level: str, form: str) -> None:
    """Send logs to standard error, as text for people or as JSON for machines."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        # Plain tracebacks: pretty ones print local variables, and with them secrets.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=30,
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    if form == "json":
        processors.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


def log(**bound: Any) -> Any:
    """A logger whose lines carry `bound`."""
    return structlog.get_logger(**bound)

"""Structured logs: one line per event, with the trace id that follows a click.

Whatever a library or the interpreter has to say takes the same form: what is written
with `logging`, warnings, and exceptions that nobody catches.
"""

import logging
import sys
import threading
from collections.abc import MutableMapping
from typing import Any

import structlog

from chassis import tracing
from chassis.masking import masked, without_card_numbers

# Each failure of theirs is told by who asked, in one line; theirs are five and a traceback.
SAID_BY_OURSELVES = ("pika.adapters", "pika.connection")


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if tracing.in_trace():
        event.setdefault("trace_id", tracing.trace_id())
    return event


def configure(level: str, form: str) -> None:
    """Send logs to standard error, as text for people or as JSON for machines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    final = _as_json() if form == "json" else _as_text()
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        # A line and its end in one write: processes share a file, threads the stream.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _take_in_libraries([structlog.stdlib.add_logger_name, *shared], final)


def _as_json() -> list[Any]:
    return [structlog.processors.format_exc_info, _mask, structlog.processors.JSONRenderer()]


def _mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Whatever was put into an address or quoted by an error: no card number is logged."""
    return {name: masked(value) for name, value in event.items()}


def _as_text() -> list[Any]:
    # Plain tracebacks: pretty ones print local variables, and with them secrets.
    renderer = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        pad_event_to=30,
        exception_formatter=structlog.dev.plain_traceback,
    )
    return [lambda log, name, event: without_card_numbers(renderer(log, name, event))]


class _Handler(logging.StreamHandler[Any]):
    """Ours, to be told from those of others at the root."""


def _take_in_libraries(shared: list[Any], final: list[Any]) -> None:
    """Give what is written with `logging` the same form, from warnings upwards."""
    handler = _Handler(sys.stderr)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, *final])
    )
    root = logging.getLogger()
    for earlier in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in SAID_BY_OURSELVES:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def tell_what_nobody_catches() -> None:
    """Have warnings and exceptions that end a thread or the process told as lines too.

    For the programs themselves: whoever tests them wants to see them raised.
    """
    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, trace: _uncaught((kind, error, trace), "the process")
    threading.excepthook = lambda args: _uncaught(
        (args.exc_type, args.exc_value, args.exc_traceback),
        f"the thread {args.thread.name if args.thread else '?'}",
    )


def _uncaught(error: Any, what: str) -> None:
    log().critical(f"an error that nobody caught ends {what}", exc_info=error)


def log(**bound: Any) -> Any:
    """A logger whose lines carry `bound`."""
    return structlog.get_logger(**bound)

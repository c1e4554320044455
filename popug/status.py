"""How the system is, service by service, for the command line: it asks databases and pages."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chassis.clock import SystemClock
from chassis.remote import RemoteAway, RemoteRefused
from chassis.runtime import OpenRuntime, Runtime
from chassis.settings import Settings
from chassis.status import BROKER, STATUS_PATH, clock_off, lines_of, own_status
from chassis.system import queue_look
from chassis.together import Asker
from chassis.verdict import Queues, Trouble, judge
from popug.sentences import sentence_for
from popug.system import system

CLOCK = SystemClock()
# A page of several seconds' patience is no page, but a command may wait: on a machine out of
# breath a wrong "does not answer" would send somebody to the wrong place.
PATIENCE_SECONDS = 10.0
DOCUMENT = "docs/operations.md"
OF_THE_PAGES = ("version", "time", "timezone", "currency", "needed_revision")
NOTHING = ("version", "waiting", "oldest", "parked", "workers", "in_hand", "lag_seconds", "lines")


class Look(NamedTuple):
    """A row per service, the broker's queues, and what needs a person."""

    rows: list[dict[str, Any]]
    queues: Queues
    troubles: list[Trouble]


def look(open_runtime: OpenRuntime, settings: Settings) -> Look:
    """How all services and the broker are, asked at the same time.

    A row is what `chassis.status.own_status` gives, with `alive` (its pages answer; None
    in one process, where a worker's sign of life says it), `ok` and `error`.
    """
    questions = {
        name: lambda name=name: _look_at(open_runtime, name, settings) for name in system.names
    }
    asker = Asker()
    begun = CLOCK.now()
    found: Mapping[str, Any] = asker.together(
        {**questions, BROKER: queue_look(system, settings)}, PATIENCE_SECONDS
    )
    asker.close()
    queues = found[BROKER]
    if isinstance(queues, Exception):
        queues = Queues(away=str(queues) or type(queues).__name__)
    rows = [_row(name, found[name], begun) for name in system.names]
    return Look(rows, queues, judge(rows, queues, CLOCK.now(), lines_of(system.services)))


def as_json(look: Look) -> dict[str, Any]:
    """`{ok, troubles, services, queues}`, as a script reads it."""
    return {
        "ok": not look.troubles,
        "troubles": [
            {**vars(trouble), "text": str(trouble.text), "see": f"{DOCUMENT}: {trouble.see}"}
            for trouble in look.troubles
        ],
        "services": look.rows,
        "queues": asdict(look.queues),
    }


def show(look: Look) -> None:
    """Print it for a person: the verdict, then the services, then what they tell."""
    console = Console()
    for trouble in look.troubles:
        console.print(f"[red]![/] {escape(str(trouble.text))}  [dim]{DOCUMENT}: {trouble.see}[/]")
    if not look.troubles:
        console.print("[green]All is well.[/]")
    table = Table("service", "pages", "workers", "to send", "to apply", "lag", "parked", "version")
    pages = {True: "answer", False: "do not answer", None: ""}
    for row in look.rows:
        table.add_row(
            row["service"],
            escape(row["error"] or pages[row["alive"]]),
            "" if row["workers"] is None else str(len(row["workers"])),
            _text(row["waiting"]),
            _text(look.queues.to_apply(row)),
            _seconds(look.queues.lag_seconds(row)),
            _text(row["parked"]),
            _text(row["version"]),
        )
    console.print(table)
    lines = lines_of(system.services)
    for row in look.rows:
        for name, told in (row["lines"] or {}).items():
            console.print(f"{lines[row['service'], name].title}: {told['value']}")


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} s"


def _look_at(open_runtime: OpenRuntime, name: str, settings: Settings) -> dict[str, Any]:
    with ExitStack() as stack:
        runtime = stack.enter_context(open_runtime(name))
        return own_status(runtime) | ({"alive": None} if settings.embedded else _pages(runtime))


def _pages(runtime: Runtime) -> dict[str, Any]:
    """What the process tells that serves the pages: it may be of another version or machine."""
    try:
        said = runtime.remote.get(runtime.service.name, STATUS_PATH, as_service=True)
    except (RemoteAway, RemoteRefused):
        return {"alive": False}
    return {"alive": True, **{name: said[name] for name in OF_THE_PAGES}}


def _row(name: str, answer: Any, begun: datetime) -> dict[str, Any]:
    if isinstance(answer, TimeoutError):
        answer = TimeoutError(f"did not answer within {PATIENCE_SECONDS:g} seconds")
    if isinstance(answer, Exception):
        sentence = sentence_for(answer) or str(answer)
        if sentence_for(answer) is None and not isinstance(answer, TimeoutError):
            raise answer
        return {"service": name, "ok": False, "error": sentence, "alive": None,
                "database_error": sentence, **dict.fromkeys(NOTHING)}  # fmt: skip
    off = clock_off(answer["time"], begun, CLOCK.now())
    error = answer["database_error"]
    return {**answer, "ok": error is None, "error": error, "clock_seconds": off}

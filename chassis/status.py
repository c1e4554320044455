"""How the system is: each service's own figures, and one page that asks them all."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from typing import Any

from flask import Flask, Response, jsonify, render_template
from flask_babel import lazy_gettext as _l

from chassis import outbox, parking, workers
from chassis.access import allowed, without_database
from chassis.database import DatabaseAway, Reading
from chassis.identity import SERVICE_ROLE
from chassis.migrations import found_revision, needed_revision
from chassis.runtime import Runtime
from chassis.service import Link, Service
from chassis.verdict import Queues, judge

STATUS_PATH = "/statusz"
PAGE = "/status"
# A page must be there within three seconds, whatever else is not.
PATIENCE_SECONDS = 1.8
BROKER = "the broker"
NOTHING_KNOWN = dict.fromkeys(
    ("waiting", "oldest", "parked", "workers", "in_hand", "lag_seconds", "lines")
)


def own_status(runtime: Runtime) -> dict[str, Any]:
    """How one service is, as it can tell itself; times are ISO 8601.

    `waiting` events are in the outbox, the oldest since `oldest`; `parked` ones wait for
    a person; `workers` gave a sign of life lately, and held `in_hand` events then, the
    oldest of them `lag_seconds` old; `lines` are the service's own. Where the database is
    away these are None and `database_error` says why.
    """
    about = {
        "service": runtime.service.name,
        "version": version("popug"),
        "time": runtime.clock.now().isoformat(),
        "timezone": runtime.settings.timezone,
        "currency": runtime.settings.currency,
        "needed_revision": _needed_revision(runtime.service.package),
        "database_error": None,
    }
    try:
        with runtime.database.reading() as reading:
            revision = found_revision(reading)
            if revision != about["needed_revision"]:
                return about | NOTHING_KNOWN | {"revision": revision}
            return about | _figures(reading, runtime.service) | {"revision": revision}
    except DatabaseAway as away:
        return about | NOTHING_KNOWN | {"revision": None, "database_error": str(away)}


def _figures(reading: Reading, service: Service) -> dict[str, Any]:
    waiting, oldest = outbox.depth(reading)
    at_work = workers.at_work(reading)
    return {
        "waiting": waiting,
        "oldest": oldest.isoformat() if oldest else None,
        "parked": parking.count(reading),
        "workers": [
            {
                "version": worker.version,
                "started_at": worker.started_at.isoformat(),
                "seen_at": worker.seen_at.isoformat(),
            }
            for worker in at_work
        ],
        "in_hand": sum(worker.in_hand for worker in at_work),
        "lag_seconds": max((round(worker.lag_seconds, 1) for worker in at_work), default=0.0),
        "lines": {line.name: line.look(reading)._asdict() for line in service.status_lines},
    }


def look_at_all(runtime: Runtime) -> tuple[list[dict[str, Any]], Queues]:
    """A row per service (`alive`, and what it tells), and the broker's queues.

    All are asked at the same time; who has not answered after two seconds counts as away.
    """

    def ask(name: str) -> Any:
        if name == runtime.service.name:
            return own_status(runtime)
        # As the service itself: it is let in there even while its own database is away.
        return runtime.remote.get(name, STATUS_PATH, as_service=True)

    questions = {service.name: lambda name=service.name: ask(name) for service in runtime.system}
    begun = runtime.clock.now()
    found = runtime.asker.together({**questions, BROKER: runtime.look_at_queues}, PATIENCE_SECONDS)
    queues = found.pop(BROKER)
    rows = [_row(name, answer, begun, runtime.clock.now()) for name, answer in found.items()]
    if isinstance(queues, Exception):
        queues = Queues(away=str(queues) or type(queues).__name__)
    return rows, queues


def _row(name: str, answer: Any, begun: datetime, ended: datetime) -> dict[str, Any]:
    if isinstance(answer, Exception):
        return {"service": name, "alive": False}
    return {**answer, "alive": True, "clock_seconds": clock_off(answer["time"], begun, ended)}


def clock_off(theirs: str, begun: datetime, ended: datetime) -> float:
    """By how many seconds a clock is ahead of ours, which read `begun` and `ended` around it."""
    there = datetime.fromisoformat(theirs)
    nearest = min(max(there, begun), ended)
    return round((there - nearest) / timedelta(seconds=1), 1)


def lines_of(services: Sequence[Service]) -> Mapping[tuple[str, str], Any]:
    """The status lines of all services, by service and name."""
    return {(s.name, line.name): line for s in services for line in s.status_lines}


def status_link(runtime: Runtime) -> Link:
    """The menu's entry for those who run the system; it belongs to no service."""
    return Link(_l("System"), PAGE, "activity", runtime.operators, also=("/parked",))


def add_status(app: Flask, runtime: Runtime) -> None:
    """Serve this service's figures, and the page of all services, to who runs the system."""

    @allowed(*runtime.operators, SERVICE_ROLE)
    def statusz() -> Response:
        return jsonify(own_status(runtime))

    @without_database
    @allowed(*runtime.operators)
    def status_page() -> str:
        rows, queues = look_at_all(runtime)
        lines = lines_of(runtime.system)
        now = runtime.clock.now()
        for row in rows:
            row["since"] = datetime.fromisoformat(row["oldest"]) if row.get("oldest") else None
        return render_template(
            "status.html",
            rows=rows,
            queues=queues,
            troubles=judge(rows, queues, now, lines),
            lines=lines,
            now=now,
            timezone=runtime.settings.timezone,
            has_broker=bool(runtime.settings.broker_url),
        )

    app.add_url_rule(STATUS_PATH, "statusz", statusz)
    app.add_url_rule(PAGE, "status_page", status_page)


@cache
def _needed_revision(package: str) -> str:
    return needed_revision(package)

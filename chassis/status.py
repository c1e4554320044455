"""How the system is: each service's own figures, and one page that asks them all."""

from datetime import datetime
from importlib.metadata import version
from typing import Any

from flask import Flask, Response, jsonify, render_template
from flask_babel import lazy_gettext as _l

from chassis import outbox, parking
from chassis.access import allowed
from chassis.identity import SERVICE_ROLE
from chassis.remote import RemoteAway, RemoteRefused
from chassis.runtime import Runtime
from chassis.service import Link

STATUS_PATH = "/statusz"
PAGE = "/status"


def own_status(runtime: Runtime) -> dict[str, Any]:
    """`{service, version, waiting, oldest, parked}` of one service.

    `waiting` events are in the outbox, the oldest since `oldest` (ISO 8601); `parked`
    ones wait for a person. Raises DatabaseAway.
    """
    with runtime.database.reading() as reading:
        waiting, oldest = outbox.depth(reading)
        return {
            "service": runtime.service.name,
            "version": version("popug"),
            "waiting": waiting,
            "oldest": oldest.isoformat() if oldest else None,
            "parked": parking.count(reading),
        }


def status_link(runtime: Runtime) -> Link:
    """The menu's entry for those who run the system; it belongs to no service."""
    return Link(_l("System"), PAGE, "activity", runtime.operators)


def add_status(app: Flask, runtime: Runtime) -> None:
    """Serve this service's figures, and the page of all services, to who runs the system."""

    @allowed(*runtime.operators, SERVICE_ROLE)
    def statusz() -> Response:
        return jsonify(own_status(runtime))

    @allowed(*runtime.operators)
    def status_page() -> str:
        rows = [_ask(runtime, service.name) for service in runtime.system]
        for row in rows:
            row["oldest"] = datetime.fromisoformat(row["oldest"]) if row.get("oldest") else None
        return render_template("status.html", rows=rows)

    app.add_url_rule(STATUS_PATH, "statusz", statusz)
    app.add_url_rule(PAGE, "status_page", status_page)


def _ask(runtime: Runtime, name: str) -> dict[str, Any]:
    """A service's figures with `alive`; one that does not answer has nothing else."""
    if name == runtime.service.name:
        return {**own_status(runtime), "alive": True}
    try:
        return {**runtime.remote.get(name, STATUS_PATH), "alive": True}
    except (RemoteAway, RemoteRefused):
        return {"service": name, "alive": False}

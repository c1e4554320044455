"""What a service knows of the events about one thing: sent, applied, or parked here.

From these facts of all services a page can tell the journey of that thing.
"""

from datetime import datetime
from typing import Any

from flask import Flask, Response, jsonify, request
from flask_babel import lazy_gettext as _l
from pydantic_core import from_json
from sqlalchemy import select

from chassis import parking
from chassis.access import allowed
from chassis.database import Reading
from chassis.identity import SERVICE_ROLE
from chassis.inbox import inbox
from chassis.outbox import outbox
from chassis.reasons import claims, is_id
from chassis.refusals import Problem
from chassis.runtime import Runtime

EVENTS_PATH = "/eventsz"
MOST = 200


def event_facts(reading: Reading, subject: str) -> dict[str, list[dict[str, Any]]]:
    """`{sent, heard, parked}` about one subject, oldest first, each at most 200.

    An event that was sent weeks ago is not in `sent` any more: outboxes keep it for
    `keep_sent_days`; those who applied it still know it.
    """
    sent = select(outbox).where(outbox.c.subject == subject).order_by(outbox.c.position)
    heard = select(inbox).where(inbox.c.subject == subject).order_by(inbox.c.applied_at)
    return {
        "sent": [
            {**_event(row), "created_at": _text(row.created_at), "sent_at": _text(row.sent_at)}
            for row in reading.execute(sent.limit(MOST))
        ],
        "heard": [
            {**_event(row), "applied_at": _text(row.applied_at)}
            for row in reading.execute(heard.limit(MOST))
        ],
        "parked": [
            {
                "number": row.id,
                "type": row.type,
                "event_id": row.event_id,
                "reason": row.reason,
                "parked_at": _text(row.parked_at),
            }
            for row in parking.about(reading, subject, MOST)
        ],
    }


def add_event_facts(app: Flask, runtime: Runtime) -> None:
    """Serve them to the other services, and to who runs the system."""

    @allowed(*runtime.operators, SERVICE_ROLE)
    def eventsz() -> Response:
        subject = request.args.get("subject", "")
        if not is_id(subject):
            raise Problem(422, _l("Say about what: ?subject= and an id."))
        facts = runtime.database.read(event_facts, subject)
        return jsonify(service=runtime.service.name, **facts)

    app.add_url_rule(EVENTS_PATH, "eventsz", eventsz)


def _event(row: Any) -> dict[str, Any]:
    content = from_json(row.payload)
    return {
        "event_id": row.event_id,
        "type": row.type,
        "time": content.get("time"),
        "trace_id": claims(row.payload).trace_id,
        "data": content.get("data"),
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None

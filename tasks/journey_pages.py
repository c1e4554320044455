"""The page of one task's journey, for those who run the system."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Blueprint, render_template
from flask_babel import lazy_gettext as _l

from chassis.access import allowed
from chassis.event_facts import EVENTS_PATH, event_facts
from chassis.remote import RemoteRefused
from chassis.runtime import query, runtime
from contracts.rest import person_names
from contracts.roles import ADMIN
from contracts.tasks import TaskClosed
from tasks import models
from tasks.journey import Step, steps

journey_pages = Blueprint("journeys", __name__)

# Two rounds of questions: the page is there within three seconds, whoever is silent.
PATIENCE_SECONDS = 1.3
MOST = "200"
MAILS = "mails"

EVENTS = {
    "task_assigned": _l("Assigned"),
    "task_closed": _l("Closed"),
    "payout_requested": _l("Payout requested"),
    "payout_succeeded": _l("Payout succeeded"),
    "payout_failed": _l("Payout failed"),
    "payout_cancelled": _l("Payout cancelled"),
}
REASONS = {
    "created": _l("when it was created"),
    "shuffled": _l("by a shuffle"),
    "reassigned": _l("by a manager"),
}
KINDS = {
    "fee": _l("Fee"),
    "reward": _l("Reward"),
    "payout": _l("Payout"),
    "reversal": _l("Reversal"),
}

# Of payouts and mails, as their services name them.
STATES = {
    "waiting_for_card": (_l("waiting for a card"), "warning"),
    "ready": (_l("ready"), "secondary"),
    "sending": (_l("sending"), "info"),
    "succeeded": (_l("succeeded"), "success"),
    "failed": (_l("failed"), "danger"),
    "unknown": (_l("unknown"), "warning"),
    "cancelled": (_l("cancelled"), "secondary"),
    "queued": (_l("queued"), "secondary"),
    "sent": (_l("sent"), "success"),
    "kept": (_l("kept, not sent"), "secondary"),
}


@journey_pages.get("/<task_id>/journey")
@allowed(ADMIN)
def show(task_id: str) -> str:
    """What happened to one task in all services, and what is still on its way."""
    task = query(models.find_task, task_id)
    facts = _facts(task.id)
    events = steps(facts, _hears())
    people = sorted({step.data["assignee_id"] for step in events} | {task.assignee_id})
    entries, payouts = _money(task, people, events)
    of_payouts = {payout["id"]: _of_payout(payout["id"]) for payout in payouts or ()}
    return render_template(
        "tasks/journey.html",
        task=task,
        steps=events,
        silent=sorted(name for name, told in facts.items() if told is None),
        entries=entries,
        payouts=payouts,
        of_payouts=of_payouts,
        names=person_names(runtime.remote, people),
        titles=EVENTS,
        reasons=REASONS,
        kinds=KINDS,
        states=STATES,
    )


def _hears() -> dict[str, frozenset[str]]:
    return {service.name: service.handlers.types for service in runtime.system}


def _ask(questions: Mapping[Any, Callable[[], Any]]) -> dict[Any, Any]:
    """All answers; None for what nobody answered in time."""
    found = runtime.asker.together(questions, PATIENCE_SECONDS)
    return {key: None if isinstance(said, Exception) else said for key, said in found.items()}


def _facts(subject: str) -> dict[str, Any]:
    """What each service knows of the events about a subject."""
    return _ask(_about(subject))


def _about(subject: str) -> dict[Any, Callable[[], Any]]:
    # Taken apart here: in another thread the service at hand is not known.
    remote, database, me = runtime.remote, runtime.database, runtime.service.name
    return {
        service.name: partial(database.read, event_facts, subject)
        if service.name == me
        else partial(remote.get, service.name, EVENTS_PATH, subject=subject)
        for service in runtime.system
    }


def _money(
    task: Any, people: Sequence[str], events: Sequence[Step]
) -> tuple[list[Any] | None, list[Any] | None]:
    """The ledger's transactions of the task, and the payout with its reward; None: unknown."""
    found = _ask({person: partial(_entries, runtime.remote, person, task.id) for person in people})
    known = [entry for page in found.values() for entry in page or ()]
    entries = sorted(known, key=lambda entry: entry["moment"])
    if None in found.values() and not entries:
        return None, None
    rewards = [entry for entry in entries if entry["kind"] == "reward"]
    if not any(step.type == TaskClosed.type for step in events) or not rewards:
        return entries, []
    paid = {"user_id": rewards[0]["user_id"], "date": rewards[0]["day"]}
    remote = runtime.remote
    page = _ask({"payouts": lambda: remote.get("billing", "/api/v1/payouts", **paid)})["payouts"]
    return entries, None if page is None else page["items"]


def _entries(remote: Any, person: str, task_id: str) -> list[Any]:
    path = f"/api/v1/accounts/{person}/transactions"
    try:
        page = remote.get("accounts", path, task_id=task_id, limit=MOST)
    except RemoteRefused as refused:
        if refused.status == HTTPStatus.NOT_FOUND:
            return []  # nothing was ever booked for him
        raise
    return [{**item, "moment": datetime.fromisoformat(item["datetime"])} for item in page["items"]]


def _of_payout(payout_id: str) -> dict[str, Any]:
    """The events of a payout, and its mails (None: the mailer does not answer)."""
    remote = runtime.remote
    mails = partial(remote.get, "mailer", "/api/v1/mails", payout_id=payout_id)
    found = _ask({**_about(payout_id), MAILS: mails})
    page = found.pop(MAILS)
    return {"steps": steps(found, _hears()), "mails": None if page is None else page["items"]}

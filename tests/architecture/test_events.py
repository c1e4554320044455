"""Every event is declared, documented, said by its service, and heard or said to be unheard."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from chassis.events import Event, declared, decode
from popug import documents
from popug.documents import declarations
from popug.documents.asyncapi import asyncapi
from popug.system import system

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EVENTS = sorted(declared().values(), key=lambda event: event.type)

# The table of the contract, section 5.
SAID_AND_HEARD = {
    "popug.tasks.task_assigned.v1": {"accounts", "analytics"},
    "popug.tasks.task_closed.v1": {"accounts", "analytics"},
    "popug.accounts.payout_requested.v1": {"billing", "mailer", "analytics"},
    "popug.accounts.transaction_reversed.v1": {"analytics"},
    "popug.billing.payout_succeeded.v1": {"mailer"},
    "popug.billing.payout_failed.v1": {"mailer"},
    "popug.billing.payout_cancelled.v1": {"accounts", "mailer"},
    "popug.auth.access_changed.v1": set(system.names),
}
# Who does not listen although the contract would have it, and why.
EXCUSED: dict[tuple[str, str], str] = {}


def _id(event: type[Event]) -> str:
    return event.__name__


def test_the_events_of_the_contract_are_declared_and_no_others() -> None:
    assert set(declared()) == set(SAID_AND_HEARD)


@pytest.mark.parametrize("event", EVENTS, ids=_id)
def test_an_event_is_heard_by_those_whom_the_contract_names(event: type[Event]) -> None:
    excused = {service for kind, service in EXCUSED if kind == event.type}
    assert set(declarations.listeners(event)) | excused == SAID_AND_HEARD[event.type]


@pytest.mark.parametrize("event", EVENTS, ids=_id)
def test_an_event_says_what_it_means(event: type[Event]) -> None:
    assert event.__doc__
    assert event.__doc__ != Event.__doc__
    assert event.subject_field in event.model_fields


@pytest.mark.parametrize("event", EVENTS, ids=_id)
def test_the_example_in_the_documents_is_understood(event: type[Event]) -> None:
    example = declarations.example_of(event)
    envelope = decode(json.dumps(example).encode())
    assert type(envelope.data) is event
    assert envelope.data.subject == example["subject"]


@pytest.mark.parametrize("event", EVENTS, ids=_id)
def test_an_event_is_made_by_its_own_service_alone(event: type[Event]) -> None:
    makers = {name for name in system.names if _makes(ROOT / name, event.__name__)}
    assert makers == {declarations.emitter(event)}


def _makes(package: Path, name: str) -> bool:
    """Whether a package calls this class: `TaskClosed(...)`, `TaskClosed.of(...)`, or hands it on.

    To name it in `@handlers.hears(...)`, in an import or in an annotation is not to make it.
    """
    return any(
        _makes_in(ast.parse(path.read_text(encoding="utf-8")), name)
        for path in package.rglob("*.py")
    )


def _makes_in(tree: ast.AST, name: str) -> bool:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("hears", "isinstance"):
            continue
        called = node.func.value if isinstance(node.func, ast.Attribute) else node.func
        if any(isinstance(part, ast.Name) and part.id == name for part in (called, *node.args)):
            return True
    return False


@pytest.mark.parametrize("name", sorted(documents.documents()))
def test_the_documents_are_fresh(name: str) -> None:
    stored = (DOCS / name).read_text(encoding="utf-8")
    assert stored == documents.documents()[name], "stale: run `make docs`"


def test_every_reference_in_asyncapi_leads_somewhere() -> None:
    spec = asyncapi()
    references = list(_references(spec))
    assert len(references) > 2 * len(EVENTS)
    for reference in references:
        place: Any = spec
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def _references(content: Any) -> list[str]:
    if isinstance(content, dict):
        own = [content["$ref"]] if "$ref" in content else []
        return own + [found for value in content.values() for found in _references(value)]
    if isinstance(content, list):
        return [found for value in content for found in _references(value)]
    return []

"""A workbench for tests: one service (or all) at work on fresh files and a standing clock."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask, jsonify, request
from werkzeug.test import Client

import popug
from chassis import events, outbox
from chassis.access import public
from chassis.clock import MovingClock
from chassis.identity import Identity, Issuer
from chassis.ids import new_id
from chassis.keys import load_signing_key, make_keys
from chassis.runtime import Runtime
from chassis.service import Service
from chassis.settings import load_settings
from chassis.system import Embedded, System
from chassis.web import cookie_name
from popug.system import system as popug_system

NAMES = ("auth", "tasks", "accounts", "billing", "mailer", "analytics")
OPERATORS = frozenset({"admin"})
CATALOGS = Path(popug.__file__).parent / "translations"
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


class Workbench:
    """Services in this process; those that are missing answer what a test gives them.

    Without `embedded.start()` nothing runs in the background: `settle()` sends all events
    and runs all jobs, so that tests wait for nothing.
    """

    def __init__(self, folder: Path, *services: Service, **settings: Any) -> None:
        self.clock = MovingClock(NOON)
        self.settings = load_settings({}, data=folder / "data", **settings)
        make_keys(self.settings.keys, list(NAMES))
        system = System(services, "/tasks/", OPERATORS, CATALOGS, guests=popug_system.guests)
        self.embedded = Embedded(system, self.settings, self.clock)
        self.fakes: dict[str, FakeService] = {}
        self._taken: dict[str, Any] = {}
        for name in NAMES:
            if name not in self.embedded.runtimes:
                self.fakes[name] = FakeService()
                self.embedded.apps[name] = self.fakes[name]
        for runtime in self.embedded.runtimes.values():
            runtime.access._seconds = 0  # tests see changed rights at once
        self._issuer = Issuer(load_signing_key(self.settings.keys, "auth"))

    def close(self) -> None:
        self.embedded.close()

    def take_away(self, name: str) -> None:
        """Have a service answer nothing but 503 from now on, as if its process were gone."""
        self._taken[name] = self.embedded.apps[name]
        self.fakes[name] = FakeService()
        self.fakes[name].away = True
        self.embedded.apps[name] = self.fakes[name]

    def give_back(self, name: str) -> None:
        """Have a service that was taken away work again."""
        self.embedded.apps[name] = self._taken.pop(name)

    def runtime(self, name: str | None = None) -> Runtime:
        """A service at work; without a name, the only one."""
        if name is None:
            (only,) = self.embedded.runtimes.values()
            return only
        return self.embedded.runtimes[name]

    def token(self, role: str, user_id: str | None = None, **claims: Any) -> str:
        """A session token as auth would sign it."""
        now = self.clock.now()
        who = Identity(user_id or f"u-{role}", role, **{"name": f"The {role}", **claims})
        return self._issuer.for_person(who, now, now + timedelta(hours=12))

    def client(self, role: str | None = None, user_id: str | None = None, **claims: Any) -> Client:
        """A browser that is signed in with this role (None: not signed in).

        The user's id is `u-<role>` unless given. Paths are as nginx sees them.
        """
        client = Client(self.embedded.wsgi)
        if role:
            client.set_cookie(cookie_name(self.settings), self.token(role, user_id, **claims))
        return client

    def as_service(self, name: str) -> dict[str, str]:
        """Headers with which another service asks for itself."""
        issuer = Issuer(load_signing_key(self.settings.keys, name))
        return {"Authorization": f"Bearer {issuer.for_itself(self.clock.now())}"}

    def envelope(self, data: events.Event, event_id: str | None = None) -> bytes:
        """An event as the bytes that the broker delivers."""
        source = "/popug/" + data.type.split(".")[1]
        return events.encode(events.Envelope(event_id or new_id(), source, self.clock.now(), data))

    def hear(self, *data: events.Event, service: str | None = None) -> None:
        """Deliver events to a service, in one batch."""
        self.runtime(service).consumer.deliver([self.envelope(d) for d in data])

    def emitted(self, service: str | None = None) -> list[Any]:
        """The data of the events in a service's outbox, oldest first."""
        messages = self.runtime(service).database.read(outbox.unsent, 100_000)
        oldest_first = sorted(messages, key=lambda message: message.position)
        return [events.decode(message.body).data for message in oldest_first]

    def settle(self) -> None:
        """Send all events and run all jobs until nothing is left to do."""
        self.embedded.settle()


class FakeService:
    """Stands for a service that a test does not run: answers lists by path, or is away.

        bench.fakes["auth"].lists["/api/v1/users"] = [{"id": "u1", "name": "Ann"}]

    `?ids=` picks from the list; `documents` holds single answers, `away = True` gives 503.
    """

    def __init__(self) -> None:
        self.lists: dict[str, list[Mapping[str, Any]]] = {}
        self.documents: dict[str, Any] = {}
        self.away = False
        self.asked: list[str] = []
        self._app = Flask("fake", static_folder=None)
        self._app.add_url_rule("/<path:path>", "answer", public(self._answer_view()))

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._app(environ, start_response)

    def _answer_view(self) -> Callable[..., Any]:
        def answer(path: str) -> Any:
            path = f"/{path}"
            self.asked.append(path)
            if self.away:
                return jsonify(detail="away"), 503
            if path in self.documents:
                return jsonify(self.documents[path])
            if path not in self.lists:
                return jsonify(detail="nothing here"), 404
            items = self.lists[path]
            if "ids" in request.args:
                ids = request.args["ids"].split(",")
                items = [item for item in items if item["id"] in ids]
            return jsonify(items=items, next=None)

        return answer

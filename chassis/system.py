"""A system of services: which there are, and all of them mounted in one process."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, redirect, request
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from chassis.access import public
from chassis.broker import Broker, InProcessBroker
from chassis.clock import Clock, SystemClock
from chassis.keys import make_keys
from chassis.migrations import migrate
from chassis.rabbitmq import RabbitMqBroker
from chassis.rabbitmq.topology import Topology
from chassis.remote import InProcessTransport
from chassis.runtime import Runtime
from chassis.security import set_headers
from chassis.service import Service
from chassis.settings import Settings
from chassis.status import PAGE
from chassis.web import create_app

# A path that no service has: its "nothing here" page stands for the whole site's.
NOWHERE = "/no/such/page"


@dataclass(frozen=True)
class System:
    """The services in the order of the navigation, and where `/` leads.

    `operators` are the roles that may see how the system is.
    """

    services: tuple[Service, ...]
    home: str
    operators: frozenset[str] = frozenset()
    catalogs: Path | None = None
    name: str = "popug"

    @property
    def names(self) -> list[str]:
        return [service.name for service in self.services]


def make_broker(system: System, settings: Settings, name: str) -> Broker:
    """The broker that the settings name; `name` tells this process's connections apart."""
    if not settings.broker_url:
        return InProcessBroker()
    heard = {service.name: service.handlers.types for service in system.services}
    return RabbitMqBroker(settings.broker_url, Topology(system.name, heard), name)


class Embedded:
    """All services in this process: one dispatcher, the in-process broker, no sockets between.

    Making one brings the databases up to date and makes missing keys. Nothing runs in
    the background before `start`.
    """

    def __init__(self, system: System, settings: Settings, clock: Clock | None = None) -> None:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_keys(settings.keys, system.names)
        self.system = system
        self.settings = settings
        self.apps: dict[str, Any] = {}
        clock = clock or SystemClock()
        self.broker = make_broker(system, settings, "all")
        transport = InProcessTransport(self.apps)
        self.runtimes = {
            service.name: Runtime(
                service,
                settings=settings,
                clock=clock,
                broker=self.broker,
                transport=transport,
                system=system.services,
                operators=system.operators,
                makes_keys=True,
            )
            for service in system.services
        }
        for name, runtime in self.runtimes.items():
            migrate(runtime.database, runtime.service.package)
            self.apps[name] = create_app(runtime, system.catalogs)
        for runtime in self.runtimes.values():
            runtime.service.prepare(runtime)
        self.wsgi = DispatcherMiddleware(
            _front_door(system, self.apps, settings),
            {f"/{name}": _Mounted(self.apps, name) for name in self.apps},
        )

    def start(self) -> None:
        """Begin to relay events and to run jobs."""
        self.broker.start()
        for runtime in self.runtimes.values():
            runtime.start()

    def stop(self) -> None:
        """Finish what is at hand in all services, then let go of the databases."""
        for runtime in self.runtimes.values():
            runtime.stop()
        self.broker.stop()
        self.close()

    def close(self) -> None:
        """Let go of the databases."""
        for runtime in self.runtimes.values():
            runtime.close()

    def settle(self) -> None:
        """Without threads: send all events and run all jobs until nothing is left to do."""
        working = True
        while working:
            working = False
            for runtime in self.runtimes.values():
                working |= runtime.relay.send_waiting() > 0
                working |= runtime.jobs.run_all()


class _Mounted:
    """Looks the app up at each request, so that a service can be taken away in a test."""

    def __init__(self, apps: Mapping[str, Any], name: str) -> None:
        self._apps = apps
        self._name = name

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._apps[self._name](environ, start_response)


def _front_door(system: System, apps: Mapping[str, Any], settings: Settings) -> Flask:
    """What has no service's prefix: `/`, `/status`, and nothing else."""
    app = Flask("chassis", static_folder=None)
    app.after_request(lambda response: set_headers(response, settings.secure))
    host = system.home.strip("/")

    def inside(path: str) -> Any:
        """What the home service answers at this path of its own."""
        environ = {**request.environ, "SCRIPT_NAME": f"/{host}", "PATH_INFO": path}
        return Response.from_app(apps[host], environ)

    @public
    def home() -> Any:
        return redirect(system.home)

    @public  # the page inside asks who it is
    def status() -> Any:
        return inside(PAGE)

    app.add_url_rule("/", "home", home)
    app.add_url_rule(PAGE, "status", status)
    app.register_error_handler(404, lambda _nothing: inside(NOWHERE))
    app.register_error_handler(405, lambda _other_method: inside(PAGE))
    return app

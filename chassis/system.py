"""A system of services: which there are, and all of them mounted in one process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask, Response, redirect, request
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from chassis.access import public
from chassis.broker import Broker, InProcessBroker
from chassis.clock import Clock, SystemClock
from chassis.guests import Guests, OpenGuest
from chassis.keys import make_keys
from chassis.migrations import migrate
from chassis.rabbitmq import RabbitMqBroker
from chassis.rabbitmq.depths import queue_depths
from chassis.rabbitmq.topology import Topology
from chassis.remote import InProcessTransport
from chassis.runtime import Runtime
from chassis.security import set_headers
from chassis.service import Service
from chassis.settings import Settings
from chassis.status import PAGE
from chassis.verdict import Queues
from chassis.web import create_app

# A path that no service has: its "nothing here" page stands for the whole site's.
NOWHERE = "/no/such/page"


@dataclass(frozen=True)
class System:
    """The services in the order of the navigation, and where `/` leads.

    `operators` are the roles that may see how the system is; `guests` the strangers that
    may live in its processes, and how each is opened.
    """

    services: tuple[Service, ...]
    home: str
    operators: frozenset[str] = frozenset()
    catalogs: Path | None = None
    name: str = "popug"
    guests: Mapping[str, OpenGuest] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [service.name for service in self.services]


def make_broker(system: System, settings: Settings, name: str, consumes: bool = True) -> Broker:
    """The broker that the settings name; `name` and `consumes` as of RabbitMqBroker."""
    if not settings.broker_url:
        return InProcessBroker()
    heard = {service.name: service.handlers.types for service in system.services}
    return RabbitMqBroker(settings.broker_url, Topology(system.name, heard), name, consumes)


def queue_look(system: System, settings: Settings) -> Callable[[], Queues]:
    """A function that tells what waits in the broker that the settings name."""
    heard = {service.name: service.handlers.types for service in system.services}
    topology = Topology(system.name, heard)

    def look() -> Queues:
        depths = queue_depths(settings.broker_url, topology)
        lanes = {
            name: [depths[queue] for queue in topology.own_queues(name) if queue in depths]
            for name in heard
        }
        own = {name: found for name, found in lanes.items() if found}
        return Queues(
            by_service={name: sum(lane.messages for lane in found) for name, found in own.items()},
            # Of that lane which fewest take from: one that nobody takes from is stuck.
            consumers={name: min(lane.consumers for lane in found) for name, found in own.items()},
            dead={
                name: depths[queue].messages
                for name in heard
                if (queue := topology.dead_queue(name)) in depths
            },
            unroutable=depths[topology.unroutable_queue].messages
            if topology.unroutable_queue in depths
            else 0,
        )

    return look if settings.broker_url else Queues


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
        self.guests = Guests(system.guests, settings, clock)
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
                look_at_queues=queue_look(system, settings),
                guests=self.guests,
            )
            for service in system.services
        }
        for name, runtime in self.runtimes.items():
            migrate(runtime.database, runtime.service.package)
            self.apps[name] = create_app(runtime, system.catalogs)
        for runtime in self.runtimes.values():
            runtime.service.prepare(runtime)
        mounts: dict[str, Any] = {
            **{f"/{name}": _Mounted(self.guests.app, name) for name in self._guests_at_work()},
            **{f"/{name}": _Mounted(self.apps.__getitem__, name) for name in self.apps},
        }
        self.wsgi = DispatcherMiddleware(_front_door(system, self.apps, settings), mounts)

    def _guests_at_work(self) -> set[str]:
        return {name for s in self.system.services for name in s.guests(self.settings)}

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
    """Looks the app up at each request: a service can be taken away in a test, a guest is late."""

    def __init__(self, app: Callable[[str], Any], name: str) -> None:
        self._app = app
        self._name = name

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._app(self._name)(environ, start_response)


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

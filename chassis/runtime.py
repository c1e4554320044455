"""One service at work: its declaration beside its database, broker, keys and threads."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar, cast

from flask import Flask, current_app
from werkzeug.local import LocalProxy

from chassis.access import AccessBook
from chassis.broker import Broker
from chassis.clock import Clock
from chassis.database import Database
from chassis.deciding import CARRY_OUT
from chassis.figures import Figures
from chassis.guests import Guests
from chassis.housekeeping import HOUSEKEEPING
from chassis.identity import Issuer, Verifier
from chassis.ids import new_id
from chassis.inbox import Consumer
from chassis.jobs import JobRunner
from chassis.keys import load_public_keys, load_signing_key
from chassis.logs import log
from chassis.metrics import Metrics
from chassis.relay import Relay
from chassis.remote import Remote, Transport
from chassis.service import Service
from chassis.settings import Settings
from chassis.together import Asker
from chassis.verdict import Queues
from chassis.workers import SIGN_OF_LIFE, sign_off

P = ParamSpec("P")
R = TypeVar("R")

EXTENSION = "chassis"


class Runtime:
    """Everything that one service needs while it runs."""

    def __init__(
        self,
        service: Service,
        *,
        settings: Settings,
        clock: Clock,
        broker: Broker,
        transport: Transport,
        system: Sequence[Service] = (),
        operators: frozenset[str] = frozenset(),
        makes_keys: bool = False,
        metrics: Metrics | None = None,
        patient: bool = False,
        look_at_queues: Callable[[], Queues] = Queues,
        guests: Guests | None = None,
    ) -> None:
        """`system` are all services of the system, whose entries the navigation shows;
        `operators` are the roles that may see how it is. `makes_keys`: a key that is
        missing may be made, as at the first start of a system in one process. `metrics`
        counts for a process that shares its figures with others. `patient`: its statements
        may take as long as they take, as those of a rebuild do. `look_at_queues` tells
        what waits in the broker, and raises BrokerAway. `guests` are the strangers that
        live in this process.
        """
        self.service = service
        self.settings = settings
        self.clock = clock
        self.system = system
        self.operators = operators
        self.makes_keys = makes_keys
        self.look_at_queues = look_at_queues
        self.guests = guests or Guests({}, settings, clock)
        # Tells this process's signs of life from another's.
        self.worker_id = new_id()
        self.metrics = metrics or Metrics()
        self.figures = Figures(self)
        # Whether events are relayed and consumed and jobs run here; a web process only answers.
        self.works = False
        self.log = log(service=service.name)
        self.signing_key = load_signing_key(settings.keys, service.name)
        self.issuer = Issuer(self.signing_key)
        self.verifier = Verifier(load_public_keys(settings.keys))
        url = settings.database_for(service.name)
        self.database = Database(url, clock, settings, f"/popug/{service.name}", patient)
        self.broker = broker
        self.access = AccessBook(self.database)
        self.remote = Remote(transport, lambda: self.issuer.for_itself(clock.now()))
        self.relay = Relay(service.name, self.database, broker, self.metrics)
        self.consumer = Consumer(service.name, self.database, service.handlers, self.metrics)
        self.asker = Asker()
        self.jobs = JobRunner(self, (*service.jobs, HOUSEKEEPING, CARRY_OUT, SIGN_OF_LIFE))
        # Set by the factory; a job renders its texts in this app's context.
        self.app: Flask | None = None
        self.database.on_events = self.relay.wake
        self.database.on_wake = self.jobs.wake
        broker.subscribe(
            service.name, service.handlers.types, self.consumer.deliver, self.consumer.bury
        )

    def start(self) -> None:
        """Begin to relay events and to run jobs."""
        self.works = True
        self.metrics.expect(self.service.handlers.types, self.jobs.names)
        self.guests.start(self.service.guests(self.settings))
        self.relay.start()
        self.jobs.start()

    def stop(self) -> None:
        """Finish what is at hand. Call `close` after all services have stopped."""
        self.jobs.stop()
        self.relay.stop()
        self.guests.stop()
        sign_off(self)

    def dead_threads(self) -> list[str]:
        """Threads that should work here and have ended by themselves, by name."""
        parts = (self.relay, self.jobs, self.broker)
        return [name for part in parts for name in part.dead_threads()]

    def close(self) -> None:
        """Let go of the database, and of the guests."""
        self.asker.close()
        self.guests.close()
        self.database.dispose()


# How a command of the command line opens the one service that it works on.
OpenRuntime = Callable[[str], AbstractContextManager[Runtime]]


def _runtime() -> Runtime:
    return cast(Runtime, current_app.extensions[EXTENSION])


# The Runtime of the service whose request is being answered.
runtime = cast(Runtime, LocalProxy(_runtime))


def transact(change: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    """`change(tx, ...)` in one transaction of the service at hand."""
    return runtime.database.run(change, *args, **kwargs)


def query(look: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    """`look(reading, ...)` on the database of the service at hand."""
    return runtime.database.read(look, *args, **kwargs)

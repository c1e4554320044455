"""One service as processes of its own: web processes that answer, workers that do the rest.

A web process answers, and sends the events that it has written. A worker of the same
service sends what was left in the outbox, consumes what the service hears, and runs its
jobs. Several of each may run.
"""

import signal
import threading
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from chassis import rights
from chassis.broker import Broker, InProcessBroker
from chassis.clock import SystemClock
from chassis.database import DatabaseAway
from chassis.guests import Guests
from chassis.health_server import HealthServer
from chassis.logs import tell_what_nobody_catches
from chassis.metrics import Metrics
from chassis.remote import HttpTransport
from chassis.runtime import Runtime
from chassis.settings import Settings, SettingsRefused
from chassis.shared_metrics import SharedMetrics, forget_process, shared_folder
from chassis.system import System, make_broker, queue_look
from chassis.threads import wait_for_signal
from chassis.web import create_app

GRACE_SECONDS = 30
# gunicorn looks at its worker this often; a request may take as long.
TIMEOUT_SECONDS = 60
# nginx limits what may be asked, and answers in our words; gunicorn would answer in its own.
# These are above the most that passes there: 4 x 8 KiB of headers.
LIMITS = {
    "limit_request_line": 0,
    "limit_request_fields": 16_384,
    "limit_request_field_size": 32_768,
}


def open_service(
    system: System,
    name: str,
    settings: Settings,
    broker: Broker,
    metrics: Metrics | None = None,
) -> Runtime:
    """One service with its app, behind a proxy, and nothing running yet.

    `metrics` counts what happens in it. Raises SettingsRefused, KeyMissing, DatabaseUnfit.
    """
    if not settings.service_url:
        raise SettingsRefused(
            "POPUG_SERVICE_URL must say where services reach each other, with {service} in it: "
            "http://{service}-web:8000"
        )
    (service,) = [s for s in system.services if s.name == name]
    clock = SystemClock()
    runtime = Runtime(
        service,
        settings=settings,
        clock=clock,
        broker=broker,
        transport=HttpTransport(settings.service_url),
        system=system.services,
        operators=system.operators,
        metrics=metrics,
        look_at_queues=queue_look(system, settings),
        guests=Guests(system.guests, settings, clock),
    )
    create_app(runtime, system.catalogs, behind_proxy=True)
    _check_database(runtime)
    service.prepare(runtime)
    return runtime


def _check_database(runtime: Runtime) -> None:
    """Say at once what an operator must mend; a database that is away is waited for later."""
    service = runtime.service
    try:
        too_many = rights.check(runtime.database, service.package, service.metadata)
    except DatabaseAway as away:
        runtime.log.warning("the database does not answer yet", error=str(away))
        return
    if too_many:
        runtime.log.warning("the database user may do more than he should", rights=too_many)


class ServerLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """What gunicorn says of its processes, in the form of all other lines."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in list(self.error_log.handlers):
            self.error_log.removeHandler(handler)
        self.error_log.propagate = True


class Web(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn around one service; each of its processes opens the service for itself."""

    def __init__(
        self, system: System, name: str, settings: Settings, figures: Path, **options: Any
    ) -> None:
        """`figures` is the folder in which its processes count.

        `options` are gunicorn's: `bind`, `workers`, `threads`.
        """
        self._system = system
        self._name = name
        self._settings = settings
        self._figures = figures
        self._options = options
        self._sending: Runtime | None = None
        super().__init__()

    def load_config(self) -> None:
        values = {
            "worker_class": "gthread",
            "timeout": TIMEOUT_SECONDS,
            "graceful_timeout": GRACE_SECONDS,
            "proc_name": f"popug-web-{self._name}",
            "control_socket_disable": True,
            "logger_class": ServerLogger,
            **LIMITS,
            "worker_exit": lambda _, _ending: self._stop_sending(),
            "child_exit": lambda _, ended: forget_process(self._figures, ended.pid),
            **self._options,
        }
        for key, value in values.items():
            self.cfg.set(key, value)

    def load(self) -> Any:
        """Called in each process: what has threads or connections begins after the fork."""
        broker = make_broker(self._system, self._settings, f"web-{self._name}", consumes=False)
        metrics = SharedMetrics(folder=self._figures)
        runtime = open_service(self._system, self._name, self._settings, broker, metrics)
        if broker.keeps_messages:
            broker.start()
            runtime.relay.start(looks=False)
            self._sending = runtime
        return runtime.app

    def _stop_sending(self) -> None:
        if self._sending:
            self._sending.relay.stop()
            self._sending.broker.stop()


def answer(system: System, name: str, settings: Settings, **options: Any) -> None:
    """Answer the requests of one service until SIGTERM; `options` are gunicorn's.

    The service is opened once before any process is forked, so that what an operator must
    mend is said once. Raises SettingsRefused, KeyMissing, DatabaseUnfit.
    """
    open_service(system, name, settings, InProcessBroker()).close()
    tell_what_nobody_catches()
    with shared_folder() as figures:
        Web(system, name, settings, figures, **options).run()


def work(
    system: System, name: str, settings: Settings, health: tuple[str, int] | None = None
) -> None:
    """Relay, consume and run the jobs of one service until SIGTERM or SIGINT.

    What is at hand is finished: the batch is committed and acknowledged. `health` is the
    address and port at which it says how it does. Raises SettingsRefused, KeyMissing,
    PortTaken, DatabaseUnfit.
    """
    if not settings.broker_url:
        raise SettingsRefused(
            "POPUG_BROKER_URL must name the broker: amqp://user:password@host/vhost "
            "(the in-process broker reaches no other process; `popug run` needs none)"
        )
    broker = make_broker(system, settings, name)
    runtime = open_service(system, name, settings, broker)
    answering = HealthServer(runtime, *health) if health else None
    tell_what_nobody_catches()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopped.set())
    work_until(stopped, runtime, broker, answering)


def work_until(
    stopped: threading.Event,
    runtime: Runtime,
    broker: Broker,
    answering: HealthServer | None = None,
) -> None:
    """Relay, consume and run the jobs of an opened service, then finish what is at hand."""
    runtime.start()
    broker.start()
    if answering:
        answering.start()
    runtime.log.info("worker started")
    wait_for_signal(stopped)
    runtime.stop()
    broker.stop()
    if answering:
        answering.stop()
    runtime.close()
    runtime.log.info("worker stopped")

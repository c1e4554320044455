"""One service as processes of its own: web processes that answer, workers that do the rest.

A web process writes events to the outbox; a worker of the same service relays them,
consumes what the service hears, and runs its jobs. Several of each may run.
"""

import signal
import threading
from typing import Any

from gunicorn.app.base import BaseApplication

from chassis.broker import Broker, InProcessBroker
from chassis.clock import SystemClock
from chassis.remote import HttpTransport
from chassis.runtime import Runtime
from chassis.settings import Settings, SettingsRefused
from chassis.system import System, make_broker
from chassis.web import create_app

GRACE_SECONDS = 30
# gunicorn looks at its worker this often; a request may take as long.
TIMEOUT_SECONDS = 60


def open_service(system: System, name: str, settings: Settings, broker: Broker) -> Runtime:
    """One service with its app, behind a proxy, and nothing running yet.

    Raises SettingsRefused, KeyMissing.
    """
    if not settings.service_url:
        raise SettingsRefused(
            "POPUG_SERVICE_URL must say where services reach each other, with {service} in it: "
            "http://{service}-web:8000"
        )
    (service,) = [s for s in system.services if s.name == name]
    runtime = Runtime(
        service,
        settings=settings,
        clock=SystemClock(),
        broker=broker,
        transport=HttpTransport(settings.service_url),
        system=system.services,
        operators=system.operators,
    )
    create_app(runtime, system.catalogs, behind_proxy=True)
    service.prepare(runtime)
    return runtime


class Web(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn around one service; each of its processes opens the service for itself."""

    def __init__(self, system: System, name: str, settings: Settings, **options: Any) -> None:
        """`options` are gunicorn's: `bind`, `workers`, `threads`."""
        self._system = system
        self._name = name
        self._settings = settings
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        values = {
            "worker_class": "gthread",
            "timeout": TIMEOUT_SECONDS,
            "graceful_timeout": GRACE_SECONDS,
            "proc_name": f"popug-web-{self._name}",
            "control_socket_disable": True,
            **self._options,
        }
        for key, value in values.items():
            self.cfg.set(key, value)

    def load(self) -> Any:
        # Nothing is relayed or consumed here, so there is no broker to be connected to.
        return open_service(self._system, self._name, self._settings, InProcessBroker()).app


def answer(system: System, name: str, settings: Settings, **options: Any) -> None:
    """Answer the requests of one service until SIGTERM; `options` are gunicorn's.

    The service is opened once before any process is forked, so that what an operator must
    mend is said once. Raises SettingsRefused, KeyMissing.
    """
    open_service(system, name, settings, InProcessBroker()).close()
    Web(system, name, settings, **options).run()


def work(system: System, name: str, settings: Settings) -> None:
    """Relay, consume and run the jobs of one service until SIGTERM or SIGINT.

    What is at hand is finished: the batch is committed and acknowledged. Raises
    SettingsRefused, KeyMissing.
    """
    if not settings.broker_url:
        raise SettingsRefused(
            "POPUG_BROKER_URL must name the broker: amqp://user:password@host/vhost "
            "(the in-process broker reaches no other process; `popug run` needs none)"
        )
    broker = make_broker(system, settings, name)
    runtime = open_service(system, name, settings, broker)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopped.set())
    runtime.start()
    broker.start()
    runtime.log.info("worker started")
    stopped.wait()
    runtime.stop()
    broker.stop()
    runtime.close()
    runtime.log.info("worker stopped")

"""Opening one service, or all, from the command line, without threads."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from chassis import rights
from chassis.broker import InProcessBroker
from chassis.clock import SystemClock
from chassis.database import Database, DatabaseAway
from chassis.guests import Guests
from chassis.keys import make_keys
from chassis.migrations import migrate
from chassis.remote import HttpTransport
from chassis.runtime import OpenRuntime, Runtime
from chassis.settings import Settings
from chassis.system import queue_look
from popug.system import system


def opener(settings: Settings) -> OpenRuntime:
    """A function that opens a service by name.

    What a command emits stays in the outbox, from where the running system sends it.
    """

    @contextmanager
    def open_runtime(name: str) -> Iterator[Runtime]:
        (service,) = [s for s in system.services if s.name == name]
        if settings.embedded:
            make_keys(settings.keys, system.names)
            migrate_service(settings, name)
        transport = HttpTransport(settings.service_url or f"{settings.public_url}/{{service}}")
        clock = SystemClock()
        runtime = Runtime(
            service,
            settings=settings,
            clock=clock,
            broker=InProcessBroker(),
            transport=transport,
            makes_keys=settings.embedded,
            patient=True,
            look_at_queues=queue_look(system, settings),
            guests=Guests(system.guests, settings, clock),
        )
        try:
            if not settings.embedded:
                # One that is away is met by the command itself, which says it in its own way.
                with suppress(DatabaseAway):
                    rights.check(runtime.database, service.package, service.metadata)
            service.prepare(runtime)
            yield runtime
        finally:
            runtime.close()

    return open_runtime


def migrate_service(settings: Settings, name: str) -> bool:
    """Bring one service's database up to date; says whether there was anything to do.

    Where the settings name the service's own database user, he is given his rights. Needs
    the database alone: no keys, no broker. Raises DatabaseAway, DatabaseUnfit.
    """
    (service,) = [s for s in system.services if s.name == name]
    if settings.embedded:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = settings.database_for(name)
    database = Database(url, SystemClock(), settings, f"/{system.name}/{name}", patient=True)
    try:
        changed = migrate(database, service.package)
        if settings.database_user:
            rights.grant(database, service.metadata, settings.database_user_for(name))
        return changed
    finally:
        database.dispose()


@contextmanager
def open_all(open_runtime: OpenRuntime) -> Iterator[dict[str, Runtime]]:
    """All services of the system, opened one beside the other."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(open_runtime(name)) for name in system.names}

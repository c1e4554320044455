"""A whole system for faults: its own servers, proxies before them, load, journal and checker."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests
from pymysql import MySQLError
from sqlalchemy.exc import SQLAlchemyError

from chassis import outbox, parking
from chassis.clock import SystemClock
from chassis.database import Database, DatabaseAway
from chassis.settings import load_settings
from tests import nginx
from tests.faults.arrivals import Arrivals
from tests.faults.checker import Checker
from tests.faults.journal import BrokenPromise, Journal
from tests.faults.load import Load
from tests.mariadb import limited_databases
from tests.nginx import SERVICES as NAMES
from tests.servers import mariadb, rabbitmq
from tests.servers.mariadb import MariaDbServer
from tests.servers.proxy import Proxy
from tests.servers.rabbitmq import RabbitMqServer
from tests.system.company import PASSWORD, Company
from tests.system.running import Answer, Person, popug_command
from tests.system.split import Servers, SplitPopug

HEALED_SECONDS = 60
WORKERS, DRIFTERS = 6, 2
LOOK_SECONDS = 0.2


def why_not() -> str | None:
    """What is missing here, or None."""
    no_nginx = None if nginx.installed() else "nginx is not installed"
    return mariadb.why_not() or rabbitmq.why_not() or no_nginx


class Arena:
    """Processes behind nginx; MariaDB and RabbitMQ of their own behind proxies."""

    def __init__(
        self,
        folder: Path,
        database: MariaDbServer,
        broker: RabbitMqServer,
        services: Sequence[str] = NAMES,
        programs: Mapping[str, Sequence[str]] | None = None,
        office_works: bool = True,
    ) -> None:
        """`services` and `programs` as of SplitPopug, `office_works` as of Load."""
        self.database, self.broker = database, broker
        self.services, self._programs = services, programs
        self._office_works = office_works
        self.to_database, self.to_broker = Proxy(database.port), Proxy(broker.port)
        self.folder = folder
        self.journal = Journal()
        # How long the last healing took until every request was answered.
        self.answered_seconds = 0.0
        self._stack = ExitStack()

    def start(self, seed: int | None) -> None:
        """Bring all of it up, hire people, and begin with the load (no seed, no load)."""
        self._made = self._stack.enter_context(limited_databases(NAMES, self.database.address))
        self.vhost = self._stack.enter_context(self.broker.fresh_vhost())
        self.popug = SplitPopug(self.folder, self._ways(), self.services, self._programs)
        proxies = (self.to_database, self.to_broker)
        for proxy in proxies:
            proxy.start()
            self._stack.callback(proxy.stop)
        self._stack.callback(self.popug.stop)
        for proxy in proxies:
            self._stack.callback(proxy.resume)  # no goodbye gets through a black hole
        self.popug.start()
        self.popug.add_admin()
        self.popug.processes.watch()
        self.company = Company(self.popug.url, workers=WORKERS)
        self._databases = {name: self._open(name) for name in self.services}
        for database in self._databases.values():
            self._stack.callback(database.dispose)
        self._arrivals = Arrivals(self._databases)
        if seed is not None:
            self._start_load(seed)

    def _start_load(self, seed: int) -> None:
        self.drifters = [self._drifter(number) for number in range(DRIFTERS)]
        self.checker = Checker(self.company, self.journal)
        self.load = Load(self.company, self.drifters, self.journal, seed, self._office_works)
        self.load.start()
        self._stack.callback(self.load.stop)

    def stop(self) -> None:
        """End the load, the processes and the proxies, whatever state a fault left behind."""
        for server in (self.database, self.broker):
            if server.process and server.process.ended is None:
                server.process.go_on()
            else:
                server.start()
        self._stack.close()

    def settle(self) -> float:
        """Have every request answered and nothing on its way; says how many seconds it took.

        Raises BrokenPromise after HEALED_SECONDS.
        """
        begun = time.monotonic()
        self.load.halt(HEALED_SECONDS)
        self.answered_seconds = time.monotonic() - begun
        self.drain(begun)
        return time.monotonic() - begun

    def drain(self, begun: float) -> None:
        """Wait until nothing is on its way any more. Raises BrokenPromise as `settle` does."""
        while True:
            waiting = self._away() or self._outboxes() or self.broker_depths() or self._outboxes()
            if not waiting and self._arrivals.nothing_more():
                return
            took = time.monotonic() - begun
            if took > HEALED_SECONDS:
                raise BrokenPromise(f"{took:.0f} s after the healing there still wait {waiting}")
            time.sleep(LOOK_SECONDS)

    def check(self) -> None:
        """What is cheap to check, after each healing. Raises BrokenPromise."""
        self.check_processes()
        self.checker.check(self.journal.take_touched())

    def check_all(self) -> None:
        """Everything, from the beginning. Raises BrokenPromise."""
        self.check_books()
        self._check_parked()
        Checker(self.company, self.journal).check_all()
        self._check_roles()

    def check_books(self) -> None:
        """No process died, and all books agree. Raises BrokenPromise."""
        self.check_processes()
        reconciled = self.command("reconcile")
        if reconciled.returncode:
            raise BrokenPromise(f"popug reconcile: {reconciled.stdout}{reconciled.stderr}")

    def check_ledger(self) -> None:
        """The ledger's own invariants, as accounts shows them. Raises BrokenPromise."""
        checks = self.company.accountant.get("/accounts/api/v1/reconciliation")["checks"]
        wrong = [check for check in checks if not check["ok"]]
        if wrong:
            raise BrokenPromise(f"the ledger: {wrong}")

    def command(self, *arguments: str) -> Answer:
        """A `popug` command that goes past the proxies."""
        return popug_command(self._direct(), *arguments)

    def broker_depths(self) -> dict[str, int]:
        """The queues that hold something, but for those of services that do not run."""
        others = set(NAMES) - set(self.services)
        nobodys = {f"popug.{name}.{lane}" for name in others for lane in ("v1", "bulk.v1")}
        depths = self.broker.depths(self.vhost)
        return {name: depth for name, depth in depths.items() if depth and name not in nobodys}

    def _ways(self) -> Servers:
        """The servers as Popug reaches them: through the proxies."""
        made, (straight, round_about) = (
            self._made,
            (self.database.address, self.to_database.address),
        )
        return Servers(
            replace(
                made,
                url=made.url.replace(straight, round_about),
                owner_url=made.owner_url.replace(straight, round_about),
            ),
            self.broker.url(self.to_broker.address, self.vhost),
        )

    def _direct(self) -> dict[str, str]:
        return {
            **self.popug.environment,
            "POPUG_DATABASE_URL": self._made.url,
            "POPUG_BROKER_URL": self.broker.url(vhost=self.vhost),
        }

    def _open(self, service: str) -> Database:
        settings = load_settings({k: v for k, v in self._direct().items() if k[:6] == "POPUG_"})
        return Database(settings.database_for(service), SystemClock(), settings, f"/{service}")

    def _away(self) -> dict[str, Any]:
        """The processes that do not say that they are ready."""
        addresses = {f"web-{n}": self.popug.web_address(n) for n in self.services}
        addresses |= {f"worker-{n}": self.popug.worker_address(n) for n in self.services}
        # All at once: who only now finds his connections dead takes a while to say so.
        with ThreadPoolExecutor(len(addresses)) as pool:
            asked = dict(zip(addresses, pool.map(_why_not_ready, addresses.values()), strict=True))
        return {name: why for name, why in asked.items() if why}

    def waiting_events(self) -> int:
        """How many events stand in outboxes."""
        return sum(self._database_depths().values())

    def _database_depths(self) -> dict[str, int]:
        return {name: database.read(outbox.depth)[0] for name, database in self._databases.items()}

    def _outboxes(self) -> dict[str, Any]:
        """The outboxes that hold something, or cannot be asked."""
        try:
            depths = self._database_depths()
        except (DatabaseAway, SQLAlchemyError, MySQLError) as away:
            return {"outboxes": repr(away)}
        return {f"outbox of {name}": depth for name, depth in depths.items() if depth}

    def check_processes(self) -> None:
        """Nobody has died who was not killed. Raises BrokenPromise."""
        if self.popug.processes.deaths:
            raise BrokenPromise(f"processes died by themselves: {self.popug.processes.deaths}")
        gone = self.popug.processes.gone()
        if gone:
            raise BrokenPromise(f"processes are gone: {gone}")

    def _check_parked(self) -> None:
        parked = {name: database.read(parking.count) for name, database in self._databases.items()}
        if any(parked.values()):
            raise BrokenPromise(f"events are parked: {parked}")

    def _check_roles(self) -> None:
        """All six services know the role that auth has of the people who drift."""
        for person in self.drifters:
            role = self.company.admin.get(f"/auth/api/v1/users/{person.id}")["role"]
            may_be = self.journal.roles.get(person.id, {role})
            if role not in may_be:
                raise BrokenPromise(f"{person.id} is {role} instead of {may_be}")
            for name in self.services:
                answer = requests.get(
                    f"{self.popug.inside_url}/{name}/statusz",
                    cookies=person.session.cookies.get_dict(),
                    timeout=10,
                )
                if answer.status_code != (200 if role == "admin" else 403):
                    raise BrokenPromise(f"{name} does not know that {person.id} is {role}")

    def _drifter(self, number: int) -> Person:
        email = f"drifter-{number}@popug.test"
        self.company.admin.post(
            "/auth/api/v1/users", email=email, name="A drifter", role="manager", password=PASSWORD
        )
        return Person(self.popug.url, email, PASSWORD)


def _why_not_ready(address: str) -> str | None:
    try:
        answer = requests.get(f"http://{address}/readyz", timeout=5)
    except requests.RequestException as lost:
        return repr(lost)
    return None if answer.status_code == 200 else answer.text[:200]


@contextmanager
def servers(folder: Path) -> Iterator[tuple[MariaDbServer, RabbitMqServer]]:
    """Both servers, running, and ended afterwards."""
    database, broker = MariaDbServer(folder / "mariadb"), RabbitMqServer(folder / "rabbitmq")
    try:
        database.start()
        broker.start()
        yield database, broker
    finally:
        broker.stop()
        database.stop()


@contextmanager
def arena(folder: Path, seed: int | None) -> Iterator[Arena]:
    """A whole system under load, ended afterwards."""
    with servers(folder) as (database, broker):
        made = Arena(folder, database, broker)
        try:
            made.start(seed)
            yield made
        finally:
            made.stop()

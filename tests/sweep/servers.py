"""The sweep of the split form: RabbitMQ and a MariaDB or MySQL server, with all threads.

Each point: a task of its own, and a web process or a worker that is killed at the point
while it works on it. Databases and queues stay from point to point. After a few points
all six services start and work until nothing waits; then each point's own task is looked
at, and all invariants are checked.
"""

import gc
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis import outbox
from chassis.broker import Broker
from chassis.clock import SystemClock
from chassis.inbox import inbox
from chassis.process import open_service, work_until
from chassis.runtime import Runtime
from chassis.system import make_broker
from popug.system import system
from tests import mariadb, rabbitmq
from tests.support import NAMES
from tests.sweep.children import Ended, Say, in_child
from tests.sweep.company import Company, open_company
from tests.sweep.feeder import Feeder
from tests.sweep.healing import HEAL_SECONDS, Healer, count_rows
from tests.sweep.lines import Lines, Place, Point
from tests.sweep.modules import is_swept
from tests.sweep.roles import ROLES, Role
from tests.sweep.run import UNREACHED, Plan, Result, Task, kept, sweep
from tests.system.running import noon_zone
from tests.waiting import wait_for

ANSWERED = "answered"
WORKERS = ("tasks", "accounts", "analytics")
REHEARSALS = 2
TRIES = 3
# Nothing listens there: what is swept asks other services in the same process only.
NOWHERE = "http://127.0.0.1:1/{service}"


@dataclass(frozen=True)
class Rehearsed:
    """How often each place comes up when a role does its work unharmed."""

    number: int
    visits: Mapping[Place, int]
    modules: frozenset[str]


class ServerSweep:
    """One company on databases and a virtual host of its own.

    This process connects to nothing: what it forks begins as a fresh start would.
    """

    def __init__(self, folder: Path, database_url: str, broker_url: str) -> None:
        self.company = open_company(
            folder, database_url=database_url, broker_url=broker_url, timezone=noon_zone()
        )
        settings = self.company.bench.settings.model_copy(update={"service_url": NOWHERE})
        self._workers: dict[str, tuple[Runtime, Broker]] = {}
        for name in WORKERS:
            broker = make_broker(system, settings, name)
            self._workers[name] = open_service(system, name, settings, broker), broker
        self.company.bench.close()
        for runtime, _broker in self._workers.values():
            runtime.close()
        self._points = 0
        self._prefix = folder.name
        self._ends: dict[str, Role] = {}
        self._feeder: Feeder | None = None

    def begin(self) -> None:
        """Start the healthy process; hire the people if nobody has."""
        self._feeder = Feeder(self.company)
        if not self.company.ids:
            self.company.ids = self._feeder.do(_hire)
        gc.collect()
        gc.freeze()

    def rehearse(self, plan: Plan) -> list[Rehearsed]:
        """Each role at its work unharmed; some times, for threads do not meet twice alike."""
        self.begin()
        story = []
        for number, role in enumerate(ROLES):
            if not plan.has_step(role.name):
                continue
            visits: dict[Place, int] = {}
            modules: set[str] = set()
            for _ in range(REHEARSALS):
                ended = self._work_until(role, None)
                assert ended.error is None and not ended.killed, ended.error
                counted, seen = ended.said[-1]
                visits |= {place: min(n, visits.get(place, n)) for place, n in counted.items()}
                modules |= seen
            story.append(Rehearsed(number, visits, frozenset(modules)))
        assert self._feeder
        self._feeder.close()
        wrong = self.heal()
        assert not wrong, wrong
        return story

    def kill_at(self, number: int, point: Point) -> list[str]:
        """Have the role killed at the point; what is wrong with the task's write at once."""
        role, wrong = ROLES[number], []
        for _ in range(TRIES):
            ended = self._work_until(role, point)
            wrong += [ended.error] if ended.error else []
            if ended.killed or wrong:
                return wrong
        return [UNREACHED]

    def _work_until(self, role: Role, point: Point | None) -> Ended:
        """Let a child do the work of a role on a new task until it is done, or dead."""
        assert self._feeder
        self._points += 1
        title = f"{self._prefix} {self._points}"
        if role.before:
            self.company.ids[title] = self._feeder.do(_prepared, role.before, title)
        work = self._do if role.act else self._toil
        ended = in_child(lambda say: work(role, title, say, point))
        if role.again and ANSWERED not in ended.said:
            self._feeder.do(role.again, title)
        self._ends[title] = role
        return ended

    def _do(self, role: Role, title: str, say: Say, point: Point | None) -> None:
        """A web process answers one request."""
        assert role.act
        self.company.bench.clock.put(SystemClock().now())
        lines = Lines(is_swept, point)
        lines.watch()
        role.act(self.company, title)
        say(ANSWERED)
        lines.stop()
        say((dict(lines.visits), frozenset(lines.modules)))

    def _toil(self, role: Role, title: str, say: Say, point: Point | None) -> None:
        """A worker starts, does what waits, and stops."""
        runtime, broker = self._workers[role.service]
        stopped = threading.Event()
        task_id = self.company.ids[title]
        lines = Lines(is_swept, point)
        # Begun before the lines are watched: looking is no part of the work.
        looker = threading.Thread(target=_stop_when_done, args=(runtime, task_id, stopped))
        looker.start()
        lines.watch()
        work_until(stopped, runtime, broker)
        lines.stop()
        looker.join()
        say((dict(lines.visits), frozenset(lines.modules)))

    def heal(self) -> list[str]:
        """Start all six services until nothing waits; what is wrong then."""
        healer = Healer(self.company, self._ends)
        ended = in_child(lambda say: say(healer.heal()), 3 * HEAL_SECONDS)
        self._ends.clear()
        return [ended.error] if ended.error else list(ended.said[-1])


def _hire(company: Company) -> dict[str, str]:
    company.hire()
    return company.ids


def _prepared(company: Company, before: Callable[[Company, str], Any], title: str) -> str:
    before(company, title)
    return company.ids[title]


def _stop_when_done(runtime: Runtime, task_id: str, stopped: threading.Event) -> None:
    """Stop a worker when it has relayed, or applied, all three events of the task."""

    def done() -> bool:
        if runtime.service.name == "tasks":
            return runtime.database.read(outbox.depth)[0] == 0
        return runtime.database.read(count_rows, inbox, inbox.c.subject == task_id) == 3

    try:
        wait_for(done, "the worker to have done its work")
    finally:
        stopped.set()


@dataclass
class _Prepared:
    """What was rehearsed, for the workers that are forked afterwards; and a worker's own sweep."""

    servers: list[tuple[Path, str, str]]
    rehearsed: ServerSweep
    sweep: ServerSweep | None = None


_made: list[_Prepared] = []


def sweep_servers(folder: Path, plan: Plan) -> Result:
    """Rehearse each role, then kill it at every point of the plan."""
    with ExitStack() as stack:
        servers = [
            (
                folder / f"company-{number}",
                stack.enter_context(mariadb.fresh_databases(NAMES)),
                stack.enter_context(rabbitmq.fresh_vhost()),
            )
            for number in range(plan.workers)
        ]
        rehearsed = ServerSweep(*servers[0])
        story = rehearsed.rehearse(plan)
        places = kept([(ROLES[r.number].name, r.number, r.visits, r.modules) for r in story], plan)
        _made[:] = [_Prepared(servers, rehearsed)]
        return sweep(Result("servers", plan, [role.name for role in ROLES], places), _begin, _try)


def _begin(number: int) -> None:
    (made,) = _made
    made.sweep = made.rehearsed if number == 1 else ServerSweep(*made.servers[number - 1])
    made.sweep.begin()


def _try(share: Sequence[Task]) -> list[list[str]]:
    (made,) = _made
    assert made.sweep
    wrong = [made.sweep.kill_at(task.step, task.point) for task in share]
    wrong[-1] = wrong[-1] + made.sweep.heal()
    return wrong

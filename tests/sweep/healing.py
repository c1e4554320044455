"""Healing: all six services start and work until nothing waits, and then everything is counted."""

import itertools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pika
from sqlalchemy import Table, func, select

from accounts.models import entries
from chassis import outbox
from chassis.clock import SystemClock
from chassis.database import Reading
from chassis.inbox import inbox
from chassis.rabbitmq.topology import Topology
from contracts.tasks import TaskAssigned, TaskClosed
from popug.system import system
from tasks.models import assignments
from tasks.models import tasks as task_table
from tests.sweep.company import Company
from tests.sweep.roles import Role
from tests.waiting import wait_for

HEAL_SECONDS = 60
TASK_EVENTS = (TaskAssigned.type, TaskClosed.type)
UNHEARD, QUIET_LOOKS = "unheard by", 60


class Healer:
    """Looks after the tasks of some points: by title, the role that was killed at each."""

    def __init__(self, company: Company, ends: Mapping[str, Role]) -> None:
        self._company = company
        self._ends = ends

    def heal(self) -> list[str]:
        """Let everything work until nothing waits; what is wrong then."""
        bench = self._company.bench
        bench.clock.put(SystemClock().now())
        bench.embedded.start()
        quiet = itertools.count()

        def over() -> bool:
            """Nothing waits; or what is missing is nowhere on its way either, so it is lost."""
            waiting = self._waiting()
            lost = all(name.startswith(UNHEARD) for name in waiting)
            return not waiting or (lost and next(quiet) > QUIET_LOOKS)

        with suppress(AssertionError):  # what waits then is said below
            wait_for(over, "all events to be heard", HEAL_SECONDS)
        bench.embedded.stop()
        # What was delivered but not acknowledged is in its queue again by now.
        waiting = self._waiting()
        wrong = [f"after healing: {waiting}"] if waiting else []
        return wrong + self._wrong_ends() + self._company.broken()

    def _waiting(self) -> dict[str, int]:
        """What is still on its way."""
        bench = self._company.bench
        waiting = {
            f"outbox of {name}": runtime.database.read(outbox.depth)[0]
            for name, runtime in bench.embedded.runtimes.items()
        }
        emitted = bench.runtime("tasks").database.read(count_rows, outbox.outbox)
        for name in ("accounts", "analytics"):
            heard = bench.runtime(name).database.read(
                count_rows, inbox, inbox.c.type.in_(TASK_EVENTS)
            )
            waiting[f"{UNHEARD} {name}"] = emitted - heard
        waiting |= _in_queues(bench.settings.broker_url)
        return {name: count for name, count in waiting.items() if count}

    def _wrong_ends(self) -> list[str]:
        """Tasks of the points since the last healing that are not exactly as they must be."""
        bench = self._company.bench
        rows = bench.runtime("tasks").database.read(_tasks_of, list(self._ends))
        wrong = []
        for title, role in self._ends.items():
            mine = [row for row in rows if row.title == title]
            ids = [row.id for row in mine]
            found = {
                "tasks": len(mine),
                "closed": sum(row.status == "closed" for row in mine),
                "assignments": bench.runtime("tasks").database.read(
                    count_rows, assignments, assignments.c.task_id.in_(ids)
                ),
                **{kind: self._entries(ids, kind) for kind in ("fee", "reward")},
            }
            closed = int(role.closed)
            wanted = {
                "tasks": 1,
                "closed": closed,
                "assignments": role.assignments,
                "fee": role.assignments,
                "reward": closed,
            }
            if found != wanted:
                wrong.append(f"{role.name}, {title}: {found} instead of {wanted}")
        return wrong

    def _entries(self, task_ids: Sequence[str], kind: str) -> int:
        return self._company.bench.runtime("accounts").database.read(
            count_rows,
            entries,
            entries.c.task_id.in_(task_ids),
            entries.c.kind == kind,
            entries.c.side == "popug",
        )


def count_rows(reading: Reading, table: Table, *where: Any) -> int:
    return int(reading.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def _tasks_of(reading: Reading, titles: Sequence[str]) -> Sequence[Any]:
    columns = (task_table.c.id, task_table.c.title, task_table.c.status)
    return reading.execute(select(*columns).where(task_table.c.title.in_(titles))).all()


def _in_queues(url: str) -> dict[str, int]:
    """How many messages wait in each queue of the virtual host that is not empty."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    heard = {service.name: service.handlers.types for service in system.services}
    topology = Topology(system.name, heard)
    counts = {
        name: channel.queue_declare(name, passive=True).method.message_count
        for name in topology.queues
    }
    connection.close()
    return {name: count for name, count in counts.items() if count}

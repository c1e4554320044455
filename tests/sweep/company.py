"""All six services with a few people, what these ask for, and everything there is, counted."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from sqlalchemy import func, select
from werkzeug.test import TestResponse

import tasks.actions
import tasks.jobs
from accounts.models import entries
from billing.gateways.bank import BankGateway
from billing.models import payouts
from chassis.checks import Finding
from chassis.database import Reading
from chassis.parking import parked
from mailer.models import mails
from popug.invariants import Views, all_invariants
from popug.system import system
from tasks import candidates
from tasks.models import assignments
from tasks.models import tasks as task_table
from tasks.shuffles import shuffles
from tests.support import Workbench

CARD = "4539578763621486"
SEED = 4  # of every draw, so that each run of a step takes the same way
OK, MADE, ACCEPTED, CONFLICT = 200, 201, 202, 409

# How many there are of everything that must be there once.
Figures = Counter[str]


class Company:
    """All six services on files, with three popugs of whom one has a card."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.ids: dict[str, str] = {}

    def found(self) -> None:
        """The people, a task that stays open, and two that have made one popug rich."""
        self.hire()
        self.ask("cyd", "PUT", "/billing/api/v1/cards/me", json={"card_number": CARD})
        for title, holder in (("open", "ann"), ("first", "cyd"), ("second", "cyd")):
            self.make(title)
            self.give(title, holder)
        for title in ("first", "second"):
            self.close(title, "cyd")
        self.bench.settle()

    def hire(self) -> None:
        for name in ("ann", "bob", "cyd"):
            person = {"email": f"{name}@popug.test", "name": name, "role": "worker"}
            path, password = "/auth/api/v1/users", "a long enough password"
            made = self.ask("admin", "POST", path, json=person | {"password": password})
            self.ids[name] = made.get_json()["id"]

    def recover(self) -> None:
        """What happens within a quarter of an hour after the next start: leases run out."""
        self.bench.clock.advance(minutes=15)
        self.bench.settle()

    def forget(self) -> None:
        """Whatever a service remembers of others' answers, it has not heard yet."""
        for runtime in self.bench.embedded.runtimes.values():
            runtime.remote._labels.clear()
            runtime.access._known.clear()
            assert runtime.app
            runtime.app.extensions.pop(candidates.EXTENSION, None)

    def ask(self, who: str, method: str, path: str, *good: int, **more: Any) -> TestResponse:
        """A request by a popug's name or as somebody of a role; it must succeed."""
        if who in self.ids:
            client = self.bench.client("worker", self.ids[who])
        else:
            client = self.bench.client(who)
        answer = client.open(path, method=method, **more)
        assert answer.status_code in (good or (OK, MADE, ACCEPTED)), answer.text
        return answer

    def make(self, title: str) -> TestResponse:
        """Ann's request for a task; the title is its key as well."""
        key = {"Idempotency-Key": title}
        made = self.ask("ann", "POST", "/tasks/api/v1/tasks", json={"title": title}, headers=key)
        self.ids[title] = made.get_json()["id"]
        return made

    def close(self, title: str, by: str, *good: int) -> TestResponse:
        return self.ask(by, "POST", self.task(title) + "/close", *good)

    def give(self, title: str, to: str) -> TestResponse:
        path = self.task(title) + "/reassign"
        return self.ask("manager", "POST", path, json={"assignee_id": self.ids[to]})

    def task(self, title: str) -> str:
        return f"/tasks/api/v1/tasks/{self.ids[title]}"

    def relay(self, service: str) -> None:
        self.bench.runtime(service).relay.send_waiting()

    def work(self, service: str) -> None:
        self.bench.runtime(service).jobs.run_all()

    def one(self, service: str, query: Any) -> str:
        """The only value that a query gives."""
        return str(self._read(service, query).scalar_one())

    def figures(self) -> Figures:
        """How many there are of each thing that must be there exactly once."""
        return Figures(
            {
                "tasks": self._count("tasks", task_table),
                "closed": self._count("tasks", task_table, task_table.c.status == "closed"),
                "assignments": self._count("tasks", assignments),
                "shuffles": self._count("tasks", shuffles),
                **self._kinds("accounts", entries.c.kind),
                **self._kinds("billing", payouts.c.status),
                **self._kinds("mailer", mails.c.kind),
                "parked": self._count("accounts", parked),
                "paid by the bank": self._paid_by_the_bank(),
            }
        )

    def broken(self) -> list[str]:
        """Every invariant that does not hold, with what differs."""
        with patch("popug.deliveries.nothing_parked", _counted_instead):
            findings = all_invariants(Views(self.bench.embedded.runtimes))
        return [f"{finding.name}: {finding.detail}" for finding in findings if not finding.ok]

    def _paid_by_the_bank(self) -> int:
        ever = datetime(2000, 1, 1, tzinfo=UTC), self.bench.clock.now() + timedelta(days=1)
        return len(list(BankGateway(self.bench.runtime("billing")).book(*ever)))

    def _count(self, service: str, table: Any, *where: Any) -> int:
        query = select(func.count()).select_from(table).where(*where)
        return int(self._read(service, query).scalar_one())

    def _kinds(self, service: str, column: Any) -> dict[str, int]:
        rows = self._read(service, select(column, func.count()).group_by(column))
        return {f"{service}: {kind}": count for kind, count in rows}

    def _read(self, service: str, query: Any) -> Any:
        def look(reading: Reading) -> Any:
            return reading.execute(query).freeze()

        return self.bench.runtime(service).database.read(look)()


def _counted_instead(_runtimes: object) -> Finding:
    """What is parked on purpose is counted among the figures."""
    return Finding("no event is parked", True, "")


def open_company(folder: Path, **settings: Any) -> Company:
    """The services on the files of a folder; every draw of theirs begins at one seed."""
    for module in (tasks.actions, tasks.jobs):
        patch.object(module, "CHANCE", Random(SEED)).start()
    return Company(Workbench(folder, *system.services, **settings))

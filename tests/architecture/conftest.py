"""All six services on one bench, with people, tasks, money and mails in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from chassis.ids import new_id
from contracts.roles import ROLES
from contracts.tasks import TaskAssigned, TaskClosed
from popug.system import system
from tests.architecture.matrix import Line
from tests.support import Workbench

DAY = "2026-03-10"


@dataclass
class Company:
    """The six services at work, one user of each role, and what belongs to another popug."""

    bench: Workbench
    users: dict[str, str] = field(default_factory=dict)
    theirs: dict[str, str] = field(default_factory=dict)

    @property
    def apps(self) -> dict[str, Flask]:
        """The apps by service; the front door is called ""."""
        return {"": self.bench.embedded.wsgi.app, **self.bench.embedded.apps}

    def ask(self, line: Line, who: str, **kwargs: Any) -> TestResponse:
        """One request of this role, in a session of its own."""
        return self.client(who).open(self.path(line), method=line.method, **kwargs)

    def client(self, who: str) -> Client:
        if who == "nobody":
            return self.bench.client()
        return self.bench.client(who, self.users[who], session_id=new_id())

    def path(self, line: Line) -> str:
        """The rule with another popug's things in it, and with nothing where none is needed."""
        prefix = f"/{line.service}" if line.service else ""
        samples = {"filename": "nothing.css", "day": DAY, **self.theirs}
        rule = re.sub(r"<(?:\w+:)?(\w+)>", lambda part: samples.get(part[1], "nothing"), line.rule)
        return prefix + rule


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    bench = Workbench(tmp_path_factory.mktemp("company"), *system.services)
    company = Company(bench)
    for role in ROLES:
        company.users[role] = _user(bench, role, f"{role}@popug.example")
    company.theirs["user_id"] = victim = _user(bench, "worker", "victim@popug.example")
    bench.settle()
    _earn(bench, victim)
    admin = company.client("admin")
    closed = admin.post(f"/accounts/api/v1/days/{DAY}/close", json={})
    assert closed.status_code == 200, closed.text
    bench.settle()
    company.theirs["payout_id"] = _only(admin, "/billing/api/v1/payouts", victim)
    company.theirs["mail_id"] = _only(admin, "/mailer/api/v1/mails", victim)
    yield company
    bench.close()


def _user(bench: Workbench, role: str, email: str) -> str:
    body = {"email": email, "name": role, "role": role, "password": "a parrot of some length"}
    answer = bench.client("admin").post("/auth/api/v1/users", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def _earn(bench: Workbench, user_id: str) -> None:
    now = bench.clock.now()
    for service in ("accounts", "analytics"):
        bench.hear(
            TaskAssigned(
                assignment_id="a1",
                task_id="t1",
                assignee_id=user_id,
                fee=1000,
                reward=2500,
                reason="created",
                assigned_at=now,
            ),
            TaskClosed(task_id="t1", assignee_id=user_id, fee=1000, reward=2500, closed_at=now),
            service=service,
        )
    bench.clock.advance(days=1)


def _only(client: Client, path: str, user_id: str) -> str:
    (item,) = client.get(f"{path}?user_id={user_id}").get_json()["items"]
    return str(item["id"])

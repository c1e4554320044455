"""The status page: a plain verdict, quickly, whatever does not answer."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from werkzeug.test import Client

from accounts import closing
from chassis import status, web, workers
from chassis.broker import BrokerAway, Held, InProcessBroker
from chassis.database import Database
from chassis.status import PATIENCE_SECONDS, clock_off, lines_of
from chassis.verdict import Queues, judge
from chassis.web import RIGHTS_SECONDS
from contracts.accounts import PayoutRequested
from contracts.tasks import TaskAssigned
from popug.system import system
from tests.support import NAMES, NOON, Workbench
from tests.tables import page_rows

WELL: dict[str, Any] = {
    "service": "tasks",
    "alive": True,
    "version": "1",
    "timezone": "UTC",
    "currency": "USD",
    "revision": "0003",
    "needed_revision": "0003",
    "database_error": None,
    "clock_seconds": 0.0,
    "waiting": 0,
    "oldest": None,
    "parked": 0,
    "workers": [{"version": "1"}],
    "in_hand": 0,
    "lag_seconds": 0.0,
    "lines": {},
}


@pytest.fixture
def bench(either_engine: Workbench) -> Workbench:
    return either_engine


@pytest.fixture
def admin(bench: Workbench) -> Client:
    bench.settle()
    return bench.client("admin")


def _away(bench: Workbench, name: str, monkeypatch: pytest.MonkeyPatch, seconds: float = 0) -> None:
    """Let a service's database be gone, or (`seconds`) not answer for as long."""
    engine = bench.runtime(name).database.engine

    def refuse(*_: Any) -> Any:
        time.sleep(seconds)
        raise OperationalError("connect", {}, Exception(2003, "gone"))

    monkeypatch.setattr(type(engine), "connect", _only_for(engine, refuse))


def _only_for(engine: Any, refuse: Callable[..., Any]) -> Any:
    connect = type(engine).connect

    def connecting(self: Any) -> Any:
        return refuse() if self is engine else connect(self)

    return connecting


def _lines(bench: Workbench, service: str) -> dict[str, Any]:
    lines: dict[str, Any] = bench.client("admin").get(f"/{service}/statusz").get_json()["lines"]
    return lines


def _kinds(**more: Any) -> list[str]:
    queues = more.pop("queues", Queues())
    rows = [{**WELL, **more}, {**WELL, "service": "auth"}]
    return [trouble.kind for trouble in judge(rows, queues, NOON, lines_of(system.services))]


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"alive": False}, "away"),
        ({"database_error": "gone", "workers": None}, "database"),
        ({"workers": []}, "workers"),
        ({"oldest": (NOON - timedelta(seconds=61)).isoformat(), "waiting": 3}, "waiting"),
        ({"parked": 1}, "parked"),
        ({"revision": "0002"}, "revision"),
        ({"version": "2"}, "version"),
        ({"workers": [{"version": "2"}]}, "version"),
        ({"timezone": "Europe/Moscow"}, "timezone"),
        ({"currency": "EUR"}, "currency"),
        ({"clock_seconds": -5.1}, "clock"),
        ({"queues": Queues(away="gone")}, "broker"),
        ({"queues": Queues(dead={"tasks": 1})}, "dead"),
        ({"queues": Queues(unroutable=1)}, "unroutable"),
        ({"queues": Queues(by_service={"tasks": 1}, consumers={"tasks": 0})}, "nobody_takes"),
        ({"in_hand": 3, "lag_seconds": 60.1}, "lag"),
    ],
)
def test_each_kind_of_trouble_is_named(wrong: dict[str, Any], kind: str) -> None:
    assert _kinds() == []
    assert _kinds(**wrong) == [kind]


def test_what_is_no_trouble_is_not_named() -> None:
    just_written = {"oldest": (NOON - timedelta(seconds=59)).isoformat(), "waiting": 3}
    assert _kinds(**just_written) == []
    assert _kinds(clock_seconds=4.9) == []
    assert _kinds(queues=Queues(by_service={"tasks": 10_000})) == []
    assert _kinds(queues=Queues(by_service={"tasks": 10_000}, consumers={"tasks": 1})) == []
    assert _kinds(queues=Queues(by_service={"tasks": 0}, consumers={"tasks": 0})) == []
    assert _kinds(in_hand=500, lag_seconds=60.0) == []
    failed = {"payouts_failed": {"value": 0, "needs_a_person": False}}
    assert _kinds(service="billing", lines=failed) == []
    failed["payouts_failed"] = {"value": 2, "needs_a_person": True}
    assert _kinds(service="billing", lines=failed) == ["payouts_failed"]


def test_a_clock_is_off_only_by_what_the_asking_did_not_take() -> None:
    later = NOON + timedelta(seconds=2)
    assert clock_off((NOON + timedelta(seconds=1)).isoformat(), NOON, later) == 0.0
    assert clock_off((NOON + timedelta(seconds=12)).isoformat(), NOON, later) == 10.0
    assert clock_off((NOON - timedelta(seconds=3)).isoformat(), NOON, later) == -3.0


def test_all_is_well_and_says_so(admin: Client) -> None:
    page = admin.get("/status").text
    assert "All is well." in page
    assert "Last closed day" in page
    russian = admin.get("/status", headers={"Accept-Language": "ru"})
    assert russian.status_code == 200


def test_a_worker_that_is_silent_is_missed(bench: Workbench, admin: Client) -> None:
    bench.clock.advance(seconds=workers.SILENT_AFTER.total_seconds() + 1)
    page = admin.get("/status").text
    assert "6 things need a person." in page
    assert "No worker of mailer is at work" in page
    bench.settle()
    assert "All is well." in admin.get("/status").text
    workers.sign_off(bench.runtime("mailer"))
    assert "1 thing needs a person." in admin.get("/status").text


class _Stuck(InProcessBroker):
    """Holds three messages, the first of them as given."""

    def __init__(self, held: Held) -> None:
        super().__init__()
        self.held: Held | None = held

    def in_hand(self, subscriber: str) -> int:  # noqa: ARG002 - the port's
        return 3 if self.held else 0

    def oldest_in_hand(self, subscriber: str) -> Held | None:  # noqa: ARG002 - the port's
        return self.held


def _body(time: Any) -> bytes:
    return json.dumps({"id": "e1", "time": time}).encode()


@pytest.mark.parametrize(
    ("held", "lag_seconds"),
    [
        (Held(_body((NOON - timedelta(seconds=75)).isoformat()), 5.0), 75.0),
        # What does not tell its age is as old as it is here; so is what comes from the future.
        (Held(b"garbage", 90.0), 90.0),
        (Held(_body(7), 90.0), 90.0),
        (Held(_body("2026-03-10T11:00:00"), 90.0), 90.0),
        (Held(_body("2999-01-01T00:00:00Z"), 90.0), 90.0),
        (Held(_body("0001-01-01T00:00:00+14:00"), 1.0), workers.LONGEST_LAG.total_seconds()),
    ],
)
def test_what_a_worker_holds_and_cannot_apply_is_told(
    held: Held, lag_seconds: float, bench: Workbench, admin: Client
) -> None:
    runtime = bench.runtime("mailer")
    runtime.broker = stuck = _Stuck(held)
    bench.settle()
    told = bench.client().get("/mailer/statusz", headers=bench.as_service("tasks")).get_json()
    assert (told["in_hand"], told["lag_seconds"]) == (3, lag_seconds)
    page = admin.get("/status").text
    assert f"Events for mailer are applied late: the oldest is {lag_seconds:.0f} s old." in page
    stuck.held = None
    bench.settle()
    assert "All is well." in admin.get("/status").text


def test_the_lag_of_each_queue_is_shown(bench: Workbench, admin: Client) -> None:
    bench.runtime("mailer").broker = _Stuck(Held(b"garbage", 42.0))
    bench.settle()
    runtime = bench.runtime("tasks")
    runtime.settings = runtime.settings.model_copy(update={"broker_url": "amqp://somewhere/"})
    runtime.look_at_queues = lambda: Queues(
        by_service={"mailer": 7, "billing": 4, "auth": 0},
        consumers={"mailer": 1, "billing": 0, "auth": 1},
    )
    page = admin.get("/tasks/status").text
    cells = {row[0]: row[4:6] for row in page_rows(page)}
    assert cells["mailer"] == ["10", "42 s"], "in the queue, and in hand"
    assert cells["billing"] == ["4", "–"], "nobody holds one, so nobody knows its age"
    assert cells["auth"] == ["0", "0 s"]
    assert cells["tasks"] == ["–", "–"]
    assert "1 thing needs a person." in page
    assert "Nobody takes the events for billing from its queue: 4 wait." in page


def test_parked_events_are_told_and_linked(bench: Workbench, admin: Client) -> None:
    bench.runtime("billing").consumer.deliver([b"garbage"])
    page = admin.get("/status").text
    assert "billing could not apply events: 1 wait for a decision." in page
    assert 'href="/billing/parked"' in page
    assert admin.get("/billing/parked").status_code == 200


def test_days_and_payouts_that_need_a_person_are_told(
    bench: Workbench, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.hear(
        PayoutRequested(payout_id="p1", user_id="u1", date=NOON.date(), amount=100, currency="USD"),
        service="billing",
    )
    page = admin.get("/status").text
    assert "All is well." in page, "a popug who has no card yet needs no operator"
    assert _lines(bench, "billing")["payouts_waiting"] == {"value": 1, "needs_a_person": False}
    monkeypatch.setattr(closing, "close_finished_days", lambda _database: False)
    now = bench.clock.now()
    bench.hear(
        TaskAssigned(
            assignment_id="a1",
            task_id="t1",
            assignee_id="u1",
            fee=1_000,
            reward=2_000,
            reason="created",
            assigned_at=now,
        ),
        service="accounts",
    )
    for hours, days, needs_a_person in ((12.5, 1, False), (1, 1, True), (23, 2, True)):
        bench.clock.advance(hours=hours)
        told = _lines(bench, "accounts")["open_days"]
        assert told == {"value": days, "needs_a_person": needs_a_person}
    page = bench.client("admin").get("/status").text
    assert "Days before today that are open: 2. Nobody is paid" in page
    monkeypatch.undo()
    bench.settle()
    lines = _lines(bench, "accounts")
    assert lines["open_days"] == {"value": 0, "needs_a_person": False}
    assert lines["last_closed_day"]["value"] == "2026-03-11"


@pytest.mark.parametrize("host", ["tasks", "billing"])
def test_the_page_is_there_when_another_service_or_its_database_is_away(
    host: str, bench: Workbench, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.take_away("auth")
    _away(bench, "mailer", monkeypatch)
    page = admin.get(f"/{host}/status")
    assert page.status_code == 200
    assert "auth does not answer." in page.text
    assert "The database of mailer does not answer." in page.text


@pytest.mark.parametrize("seconds", [0, 10], ids=["gone", "silent"])
def test_the_page_is_there_soon_when_its_own_database_is_away(
    seconds: int, bench: Workbench, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seconds:
        monkeypatch.setattr(status, "PATIENCE_SECONDS", PATIENCE_SECONDS)
        monkeypatch.setattr(web, "RIGHTS_SECONDS", RIGHTS_SECONDS)
    _away(bench, "tasks", monkeypatch, seconds)
    monkeypatch.setattr(bench.runtime("tasks"), "look_at_queues", _no_broker)
    begun = time.monotonic()
    page = admin.get("/tasks/status")
    assert time.monotonic() - begun < 9, "a person would not wait for the database"
    assert page.status_code == 200
    assert "RabbitMQ does not answer" in page.text
    if not seconds:
        assert "The database of tasks does not answer." in page.text
        assert admin.get("/tasks/").status_code == 503
        assert bench.client("worker").get("/tasks/status").status_code == 403
        assert bench.client().get("/tasks/status").status_code == 302


def _no_broker() -> Queues:
    raise BrokerAway("gone")


def test_who_lost_his_rights_does_not_get_them_back_when_the_database_is_away(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = {"email": "ada@popug.test", "name": "Ada", "password": "long enough, this one"}
    ada = bench.client("admin").post("/auth/api/v1/users", json={**email, "role": "admin"})
    other = {**email, "email": "bob@popug.test", "role": "admin"}
    assert bench.client("admin").post("/auth/api/v1/users", json=other).status_code == 201
    person = bench.client("admin", ada.get_json()["id"], session_id="s1")
    assert person.get("/tasks/status").status_code == 200
    path = f"/auth/api/v1/users/{ada.get_json()['id']}"
    assert bench.client("admin").patch(path, json={"role": "worker"}).status_code == 200
    bench.settle()
    assert person.get("/tasks/status").status_code == 403
    _away(bench, "tasks", monkeypatch)
    assert person.get("/tasks/status").status_code == 403


def test_machines_are_told_the_same(bench: Workbench, admin: Client) -> None:
    for name in NAMES:
        told = bench.client().get(f"/{name}/statusz", headers=bench.as_service("tasks")).get_json()
        assert (told["service"], told["parked"], told["database_error"]) == (name, 0, None)
        assert len(told["workers"]) == 1
        assert told["revision"] == told["needed_revision"]
    assert {name for _, name in lines_of(system.services)} >= {"open_days", "mails_failed"}


def test_a_database_of_another_revision_is_told(bench: Workbench, admin: Client) -> None:
    database: Database = bench.runtime("mailer").database
    database.run(lambda tx: tx.connection.exec_driver_sql(
        "UPDATE alembic_version SET version_num = '0002'"))  # fmt: skip
    page = admin.get("/status").text
    assert "The database of mailer is not of its program&#39;s version." in page

"""`popug run` as an operator meets it: starting, stopping, starting again, starting over."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.system.company import Company
from tests.system.running import ADMIN, Person, RunningPopug
from tests.waiting import wait_until_equal


@pytest.fixture
def popug(tmp_path: Path) -> Iterator[RunningPopug]:
    running = RunningPopug(tmp_path)
    yield running
    running.stop()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_and_keeps_everything(popug: RunningPopug, by: signal.Signals) -> None:
    popug.start()
    popug.add_admin()
    company = Company(popug.url, workers=1)
    task = company.manager.post("/tasks/api/v1/tasks", title="Survive a restart")
    assert popug.stop(by) == 0
    assert "Traceback" not in popug.log.read_text()
    popug.start()
    admin = Person(popug.url, *ADMIN)
    assert admin.get(f"/tasks/api/v1/tasks/{task['id']}") == task

    def balance() -> int:
        path = f"/accounts/api/v1/accounts/{task['assignee_id']}"
        answer = admin.ask("GET", path)
        return int(answer.json()["balance"]) if answer.ok else 0

    wait_until_equal(balance, -task["fee"], "the fee")


def test_a_session_lives_through_a_restart(popug: RunningPopug) -> None:
    popug.start()
    popug.add_admin()
    admin = Person(popug.url, *ADMIN)
    popug.stop()
    popug.start()
    admin.url = popug.url
    assert admin.get("/auth/api/v1/users/me")["email"] == ADMIN[0]


def test_two_systems_on_one_folder_are_refused(popug: RunningPopug) -> None:
    popug.start()
    second = popug.command("run", "--port", "0")
    assert second.returncode == 1
    assert "is in use by process" in second.stderr


def test_a_taken_port_is_refused_with_what_to_do(popug: RunningPopug) -> None:
    popug.start()
    port = popug.url.rpartition(":")[2]
    second = popug.command("run", "--port", port)
    assert second.returncode == 1
    assert "--port" in second.stderr


def test_reset_starts_over_only_after_asking(popug: RunningPopug) -> None:
    popug.start()
    popug.add_admin()
    popug.stop()
    popug.command("bank-faults", "refuse=1")
    declined = popug.command("run", "--port", "0", "--reset", stdin="n\n")
    assert declined.returncode == 1
    assert popug.command("bank-faults").stdout == "refuse=1\n"
    popug.start()
    Person(popug.url, *ADMIN)
    popug.stop()
    popug.start("--reset", "--yes")
    answer = requests.post(
        f"{popug.url}/auth/api/v1/login",
        json={"email": ADMIN[0], "password": ADMIN[1]},
        timeout=30,
    )
    assert answer.status_code == 401
    assert popug.command("bank-faults").stdout == "The bank behaves.\n", "its book is a new one"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("POPUG_TIMEZONE", "Mars/Olympus", "time zone"),
        ("POPUG_CURRENCY", "dollars", "POPUG_CURRENCY"),
        ("POPUG_PUBLIC_URL", "popug.test", "http"),
        ("POPUG_SMTP_URL", "http://mail", "smtp://"),
        ("POPUG_DATABASE_URL", "sqlite:///one.db", "{service}"),
        ("POPUG_COLOUR", "green", "no such setting"),
    ],
)
def test_a_wrong_setting_is_refused_with_a_sentence(
    tmp_path: Path, name: str, value: str, says: str
) -> None:
    refused = RunningPopug(tmp_path, **{name: value}).command("run", "--port", "0")
    assert refused.returncode == 1
    assert says in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("command", "settings", "says"),
    [
        ("web", {}, "POPUG_SERVICE_URL"),
        ("worker", {}, "POPUG_BROKER_URL"),
        ("worker", {"POPUG_BROKER_URL": "amqp://host/"}, "POPUG_SERVICE_URL"),
        ("web", {"POPUG_SERVICE_URL": "http://{service}:8000"}, "tasks.pem is missing"),
        (
            "worker",
            {"POPUG_SERVICE_URL": "http://{service}:8000", "POPUG_BROKER_URL": "amqp://host/"},
            "tasks.pem is missing",
        ),
    ],
)
def test_a_process_of_a_service_is_refused_before_it_starts(
    tmp_path: Path, command: str, settings: dict[str, str], says: str
) -> None:
    refused = RunningPopug(tmp_path, **settings).command(command, "tasks")
    assert refused.returncode == 1
    assert says in refused.stderr
    assert not list(tmp_path.rglob("*.pem")), "no key is made where keys are to be given"


def test_data_and_keys_are_for_the_owner_alone(popug: RunningPopug) -> None:
    popug.start()
    data = popug.folder / "data"
    assert data.stat().st_mode & 0o077 == 0
    for path in (data / "keys").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path

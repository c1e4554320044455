"""What an operator does on the running system: parked events, the status, a task's journey."""

import json
import re
from collections.abc import Iterator, Sequence

import pika
import pytest

from tests.system.company import Company
from tests.system.running import Person
from tests.system.split import SplitPopug, why_not
from tests.waiting import wait_for, wait_until_equal

KIND = "popug.tasks.task_closed.v1"
PARKED = "/accounts/api/v1/parked"
# Each malformed event costs a commit of its own, on a disk that other tests use too.
MANY_COMMITS_SECONDS = 180


@pytest.fixture(scope="module")
def popug(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SplitPopug]:
    """The split form: there the bytes go through a queue."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    system = SplitPopug(tmp_path_factory.mktemp("split"))
    system.start()
    system.add_admin()
    yield system
    system.stop()


@pytest.fixture(scope="module")
def company(popug: SplitPopug) -> Company:
    return Company(popug.url, workers=2)


def _publish(popug: SplitPopug, bodies: Sequence[bytes]) -> None:
    """Put bytes straight on the queue of accounts."""
    connection = pika.BlockingConnection(pika.URLParameters(popug.environment["POPUG_BROKER_URL"]))
    channel = connection.channel()
    for body in bodies:
        channel.basic_publish("", "popug.accounts.v1", body)
    connection.close()


def _text(admin: Person, path: str) -> str:
    answer = admin.ask("GET", path)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return answer.text


def test_malformed_events_are_parked_retried_and_dropped(
    popug: SplitPopug, company: Company
) -> None:
    admin = company.admin
    _publish(popug, [f"no json, number {number}".encode() for number in range(250)])
    task = company.manager.post("/tasks/api/v1/tasks", title="A good neighbour")

    def waiting() -> int:
        return sum(group["count"] for group in admin.items(f"{PARKED}/groups"))

    wait_until_equal(waiting, 250, "all are parked", MANY_COMMITS_SECONDS)
    holder = company.by_id[task["assignee_id"]]
    wait_for(
        lambda: holder.items("/accounts/api/v1/accounts/me/transactions"),
        "the neighbour is charged",
    )
    told = "accounts could not apply events: 250"
    wait_for(lambda: told in _text(admin, "/status"), "the page to tell of them")
    (group,) = admin.items(f"{PARKED}/groups")
    begun = admin.post(f"{PARKED}/groups/{group['group']}/retry")

    def done(decision: str) -> tuple[str, int, int]:
        told = admin.get(f"{PARKED}/decisions/{decision}")
        return told["status"], told["settled"], told["failed"]

    tried = ("done", 0, 250)
    wait_until_equal(lambda: done(begun["id"]), tried, "the worker has tried", MANY_COMMITS_SECONDS)
    dropped = admin.post(f"{PARKED}/groups/{group['group']}/drop", reason="sent by a test")
    wait_until_equal(lambda: done(dropped["id"]), ("done", 250, 0), "they are dropped")
    record = _text(admin, "/accounts/parked/decisions")
    assert "sent by a test" in record
    wait_for(lambda: "All is well." in _text(admin, "/status"), "all is well again", 60)

    def troubles() -> list[str]:
        told = json.loads(popug.command("status", "--json").stdout)
        return [trouble["text"] for trouble in told["troubles"]]

    wait_until_equal(troubles, list[str](), "the command says so too")
    assert popug.command("status").returncode == 0


def test_a_tasks_journey_shows_the_traces_that_are_in_the_logs(
    popug: SplitPopug, company: Company
) -> None:
    task = company.manager.post("/tasks/api/v1/tasks", title="Follow me")
    path = f"/tasks/{task['id']}/journey"

    def whole() -> str:
        # Each is asked as long as a person would wait, which a busy machine may outlast.
        page = _text(company.admin, path)
        return page if "not there yet" not in page and "do not answer" not in page else ""

    page = wait_for(whole, "applied everywhere, and every service to tell of it")
    assert len(re.findall("<code>[0-9a-f]{32}</code>", page)) == 1
    for inside in (f"/tasks/eventsz?subject={task['id']}", "/tasks/statusz"):
        assert company.admin.ask("GET", inside).status_code == 404, "for machines inside"

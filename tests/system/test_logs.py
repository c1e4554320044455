"""Logs of the split system: every line one JSON object, and one trace through all services."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.nginx import SERVICES
from tests.system.company import CARD, PASSWORD, Company
from tests.system.running import ADMIN, popug_command
from tests.system.split import SplitPopug, why_not
from tests.waiting import wait_for

Line = dict[str, Any]


@pytest.fixture(scope="module")
def popug(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SplitPopug]:
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
    return Company(popug.url, workers=1)


def _lines(popug: SplitPopug) -> list[Line]:
    """Every line of all twelve processes; the last one may still be being written."""
    text = popug.log.read_text()
    return [json.loads(line) for line in text[: text.rfind("\n")].splitlines()]


def _trace_at_the_edge(popug: SplitPopug, path: str) -> str:
    """The trace id that nginx has written down for the one change at this path."""

    def found() -> list[str]:
        lines = [json.loads(line) for line in popug.edge.access_log.read_text().splitlines()]
        return [
            line["trace_id"] for line in lines if line["path"] == path and line["method"] == "POST"
        ]

    (trace_id,) = wait_for(found, f"nginx's line about {path}")
    assert len(trace_id) == 32
    return trace_id


def _follow(popug: SplitPopug, trace_id: str) -> set[tuple[str, str]]:
    """What which service says of this trace at the usual level: `(service, event)`."""
    return {
        (line.get("service", "?"), line["event"])
        for line in _lines(popug)
        if line.get("trace_id") == trace_id or trace_id in line.get("trace_ids", ())
    }


def _wait_for_steps(popug: SplitPopug, trace_id: str, steps: set[tuple[str, str]]) -> None:
    wait_for(lambda: steps <= _follow(popug, trace_id), f"{steps} of the trace {trace_id}")


def _close_a_task(company: Company) -> str:
    """Where somebody has just closed a task of his."""
    task = company.manager.post("/tasks/api/v1/tasks", title="Follow me")
    path = f"/tasks/api/v1/tasks/{task['id']}/close"
    company.by_id[task["assignee_id"]].post(path)
    return path


def test_a_closed_task_is_followed_from_the_edge_to_every_service_that_hears_it(
    popug: SplitPopug, company: Company
) -> None:
    _wait_for_steps(
        popug,
        _trace_at_the_edge(popug, _close_a_task(company)),
        {("tasks", "request"), ("accounts", "events applied"), ("analytics", "events applied")},
    )


def test_a_closed_day_is_followed_to_the_payouts_and_their_mails(
    popug: SplitPopug, company: Company
) -> None:
    def somebody_is_in_credit() -> bool:
        _close_a_task(company)  # a reward may be as small as the fee
        return any(balance > 0 for balance in company.balances().values())

    wait_for(somebody_is_in_credit, "a payout to come")
    today = company.accountant.get("/accounts/api/v1/company")["items"][-1]["date"]
    path = f"/accounts/api/v1/days/{today}/close"
    company.accountant.post(path)
    applied = {(name, "events applied") for name in ("billing", "mailer", "analytics")}
    _wait_for_steps(popug, _trace_at_the_edge(popug, path), {("accounts", "request")} | applied)


def test_every_line_of_every_process_is_one_object_and_says_who_and_when(
    popug: SplitPopug, company: Company
) -> None:
    # Lines that are not ours: gunicorn's start, and a connection that RabbitMQ cuts.
    vhost = popug.environment["POPUG_BROKER_URL"].rpartition("/")[2]
    cut = ["rabbitmqctl", "--quiet", "close_all_connections", "--vhost", vhost, "a test"]
    subprocess.run(cut, check=True, capture_output=True, timeout=120)
    wait_for(
        lambda: "RabbitMQ is away" in [line["event"] for line in _lines(popug)], "the lost links"
    )
    web = popug.web_address("auth")
    assert requests.get(f"http://{web}/api/v1/users", timeout=10).status_code == 401
    lines = _lines(popug)
    for line in lines:
        assert {"event", "level", "timestamp"} <= set(line), line
    said = [line["event"] for line in lines]
    assert sum("Booting worker with pid" in event for event in said) >= 6, "gunicorn's lines"
    assert said.count("worker started") == 6
    assert {line["service"] for line in lines if "service" in line} == set(SERVICES)


def test_a_process_that_cannot_start_says_why_in_the_same_form(popug: SplitPopug) -> None:
    for command in (("worker", "auth", "--bind", popug.worker_address("auth")), ("web", "auth")):
        environment = {**popug.environment, "POPUG_SERVICE_URL": ""}
        refused = popug_command(environment, *command)
        assert refused.returncode == 1
        (line,) = refused.stderr.splitlines()
        assert json.loads(line)["level"] == "critical"
        assert "POPUG_SERVICE_URL" in json.loads(line)["event"]


def test_no_secret_and_no_card_is_in_any_log(popug: SplitPopug, company: Company) -> None:
    somebody = company.candidates[0]
    assert somebody.ask("PUT", "/billing/api/v1/cards/me", json={"card_number": CARD}).ok
    wrong = somebody.ask("PUT", "/billing/api/v1/cards/me", json={"card_number": CARD[:-1] + "0"})
    assert wrong.status_code == 422
    guess = "a password that is wrong"
    body = {"email": ADMIN[0], "password": guess}
    assert somebody.ask("POST", "/auth/api/v1/login", json=body).status_code == 401
    cookies = somebody.session.cookies.items()
    token = next(value for name, value in cookies if name.startswith("popug_session"))
    wait_for(lambda: "/billing/api/v1/cards/me" in popug.log.read_text(), "billing's lines")
    for log in (popug.log, popug.edge.access_log, popug.edge.error_log):
        text = log.read_text()
        for secret in (CARD, CARD[:-1] + "0", PASSWORD, ADMIN[1], guess, token):
            assert secret not in text
    for url in ("POPUG_DATABASE_URL", "POPUG_BROKER_URL"):
        assert popug.environment[url] not in popug.log.read_text()

"""The `popug` command beside a running system."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.system.company import Company
from tests.system.running import RunningPopug
from tests.waiting import wait_until_equal


@pytest.fixture(scope="module")
def company(popug: RunningPopug) -> Company:
    return Company(popug.url, workers=2)


def _outbox_insert(popug: RunningPopug, kind: str, body: bytes) -> None:
    """Put bytes on their way as if tasks had sent them."""
    path = Path(popug.environment["POPUG_DATA"]) / "tasks.db"
    with sqlite3.connect(path, timeout=30) as database:
        database.execute(
            "INSERT INTO outbox (event_id, type, payload, created_at)"
            " VALUES (hex(randomblob(16)), ?, ?, '2026-01-01 00:00:00.000000')",
            (kind, body),
        )
    database.close()


def _parked(popug: RunningPopug) -> list[dict[str, Any]]:
    listed = popug.command("parked", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    rows: list[dict[str, Any]] = json.loads(listed.stdout)
    return rows


def test_poison_is_parked_shown_and_dropped_and_never_stops_its_neighbours(
    popug: RunningPopug, company: Company
) -> None:
    kind = "popug.tasks.task_closed.v1"
    _outbox_insert(popug, kind, b"no json at all")
    _outbox_insert(popug, kind, json.dumps({"type": kind, "specversion": "1.0"}).encode())
    _outbox_insert(popug, kind, json.dumps({"type": kind.replace("v1", "v2")}).encode())
    task = company.manager.post("/tasks/api/v1/tasks", title="A good neighbour")
    holder = company.by_id[task["assignee_id"]]
    wait_until_equal(
        lambda: holder.get("/accounts/api/v1/accounts/me")["balance"], -task["fee"], "the fee"
    )

    def reasons() -> set[tuple[str, str]]:
        return {(row["service"], row["reason"].split(":")[0]) for row in _parked(popug)}

    wait_until_equal(
        reasons,
        {
            (service, reason)
            for service in ("accounts", "analytics")
            for reason in (
                "not JSON",
                "popug.tasks.task_closed.v1",
                "version 2 of popug.tasks.task_closed is not known here, "
                "only popug.tasks.task_closed.v1",
            )
        },
        "six parked events",
    )
    assert popug.command("reconcile", "--wait", "0").returncode == 1, "parked events must alarm"
    first, *others = [(row["service"], str(row["number"])) for row in _parked(popug)]
    shown = json.loads(popug.command("parked", "show", *first, "--json").stdout)
    assert shown["payload"] == "no json at all"
    retried = popug.command("parked", "retry", *first)
    assert (retried.returncode, "stay parked: not JSON" in retried.stdout) == (1, True)
    assert popug.command("parked", "drop", *first).returncode == 2, "a reason is needed"
    assert popug.command("parked", "retry", "accounts").returncode == 2, "which ones?"
    assert popug.command("parked", "drop", *first, "--reason", "a test").returncode == 0
    late = popug.command("parked", "drop", *first, "--reason", "a test")
    assert (late.returncode, "dropped already" in late.stderr) == (1, True)
    groups = json.loads(popug.command("parked", "list", "--groups", "--json").stdout)
    assert sum(group["count"] for group in groups) == len(others)
    tried = popug.command("parked", "retry", groups[0]["service"], "--group", groups[0]["group"])
    assert (tried.returncode, "0 of 1 applied" in tried.stdout) == (1, True), tried.stderr
    for service in ("accounts", "analytics"):
        dropped = popug.command(
            *("parked", "drop", service, "--all", "--reason", "a test", "--json")
        )
        assert dropped.returncode == 0, dropped.stderr
        assert json.loads(dropped.stdout)["why"] == "a test"
    assert _parked(popug) == []
    assert popug.command("reconcile").returncode == 0


def test_close_day_from_the_command_line_pays_once(popug: RunningPopug, company: Company) -> None:
    task = company.manager.post("/tasks/api/v1/tasks", title="Earn something")
    holder = company.by_id[task["assignee_id"]]
    holder.post(f"/tasks/api/v1/tasks/{task['id']}/close")
    today = company.accountant.get("/accounts/api/v1/company")["items"][-1]["date"]
    path = "/accounts/api/v1/accounts/me"

    def moved() -> int:
        kinds = [e["kind"] for e in holder.items(f"{path}/transactions")]
        return kinds.count("reward")

    wait_until_equal(moved, 1, "the reward")
    balances = company.balances()
    earned = [balance for balance in balances.values() if balance > 0]
    for _ in range(2):
        closed = popug.command("close-day", "--date", today, "--json")
        assert closed.returncode == 0, closed.stderr
        answer = json.loads(closed.stdout)
        assert (answer["payouts"], answer["amount"]) == (len(earned), sum(earned))
    assert company.balances() == {i: min(b, 0) for i, b in balances.items()}
    future = popug.command("close-day", "--date", "2199-01-01")
    assert (future.returncode, bool(future.stderr.strip())) == (1, True)


def test_users_are_added_once_and_with_a_real_password(popug: RunningPopug) -> None:
    add = ("users", "add", "cli@popug.test", "--name", "Cli", "--role", "worker")
    short = popug.command(*add, "--password-stdin", stdin="short")
    assert short.returncode == 1
    added = popug.command(*add, "--password-stdin", "--json", stdin="long enough, this one")
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["email"] == "cli@popug.test"
    again = popug.command(*add, "--password-stdin", stdin="long enough, this one")
    assert (again.returncode, "Traceback" in again.stderr) == (1, False)


def test_status_tells_how_each_service_is(popug: RunningPopug) -> None:
    def troubles() -> list[str]:
        told = json.loads(popug.command("status", "--json").stdout)
        return [trouble["kind"] for trouble in told["troubles"]]

    wait_until_equal(troubles, list[str](), "all is well")
    status = popug.command("status", "--json")
    assert status.returncode == 0
    told = json.loads(status.stdout)
    assert told["ok"] is True
    assert {r["service"] for r in told["services"]} == {
        "auth",
        "tasks",
        "accounts",
        "billing",
        "mailer",
        "analytics",
    }
    assert all(row["ok"] and row["workers"] for row in told["services"])
    plain = popug.command("status")
    assert (plain.returncode, "All is well." in plain.stdout) == (0, True)
    _outbox_insert(popug, "popug.tasks.task_closed.v1", b"no json for the status")
    wait_until_equal(troubles, ["parked", "parked"], "two services could not apply it")
    assert popug.command("status").returncode == 1


def test_what_was_sent_is_sent_again_and_counts_once(popug: RunningPopug, company: Company) -> None:
    """As after a restored backup, or a broker that has lost its queues."""
    task = company.manager.post("/tasks/api/v1/tasks", title="Sent twice")
    account = f"/accounts/api/v1/accounts/{task['assignee_id']}"

    def booked() -> int:
        if company.admin.ask("GET", account).status_code == 404:
            return 0  # his first fee is on its way
        entries = company.admin.items(f"{account}/transactions")
        return sum(entry["task_id"] == task["id"] for entry in entries)

    wait_until_equal(booked, 1, "the fee")
    again = popug.command("resend", "--since", "2020-01-01T00:00", "tasks")
    assert again.returncode == 0, again.stderr
    assert int(again.stdout.split()[1]) >= 1, again.stdout

    def waiting() -> int:
        rows = json.loads(popug.command("status", "--json").stdout)["services"]
        return sum(row["waiting"] for row in rows)

    wait_until_equal(waiting, 0, "everything sent again")
    assert booked() == 1


def test_resend_wants_a_moment(popug: RunningPopug) -> None:
    refused = popug.command("resend", "--since", "yesterday")
    assert refused.returncode == 2
    assert "write it like 2026-01-31T22:00" in refused.stderr


def test_a_signing_key_is_rotated_step_by_step(popug: RunningPopug, tmp_path: Path) -> None:
    folder = str(tmp_path / "keys")
    assert popug.command("make-keys", folder).returncode == 0
    too_early = popug.command("rotate-key", "finish", folder, "auth")
    assert too_early.returncode == 1
    assert "begin the rotation" in too_early.stderr
    for step, said in (
        ("begin", "restart them all"),
        ("finish", "popug rotate-key retire"),
        ("retire", "Deleted: auth."),
        ("retire", "no older key"),
    ):
        done = popug.command("rotate-key", step, folder, "auth")
        assert done.returncode == 0, done.stderr
        assert said in done.stdout

"""Reconciliation finds each fault that is planted in the books, and names what differs.

A checker that has never found anything is not to be trusted.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from werkzeug.test import TestResponse

from contracts.billing import PayoutCancelled
from popug.cli import main
from popug.invariants import Views, all_invariants
from popug.system import system
from tests.support import NOON, Workbench

CARD = "4539578763621486"
TASKS_EACH = 3
GUARDS = ("entries_no_update", "entries_no_delete", "entries_no_replace")


class Company:
    """All six services with Ann, who has a card, and Bob, who has none."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.people: list[str] = []

    def live(self) -> None:
        """Both close tasks, the day is closed, Bob's payout is cancelled; one task is open."""
        self.people = [self._hire(name) for name in ("ann", "bob")]
        self._ask("PUT", "/billing/api/v1/cards/me", by=self.people[0], card_number=CARD)
        for _ in range(TASKS_EACH):
            for person in self.people:
                self._close(self._task_of(person), person)
        self.bench.settle()
        self.bench.clock.advance(days=1)
        self.bench.settle()
        (waiting,) = self.rows(
            "billing", "SELECT id FROM payouts WHERE status = ?", "waiting_for_card"
        )
        path = f"/billing/api/v1/payouts/{waiting[0]}/cancel"
        self._ask("POST", path, "accountant", reason="he left")
        self._task_of(self.people[0])
        self.bench.settle()

    def rows(self, service: str, statement: str, *values: Any) -> list[Any]:
        """What a statement gives on a service's file; it may also change it behind all guards."""
        file = str(self.bench.runtime(service).database.engine.url.database)
        connection = sqlite3.connect(file)
        if service == "accounts":
            for guard in GUARDS:
                connection.execute(f"DROP TRIGGER IF EXISTS {guard}")
        cursor = connection.execute(statement, values)
        found = cursor.fetchall()
        assert found or cursor.rowcount != 0, "a planted fault must change something"
        connection.commit()
        connection.close()
        return found

    def one(self, service: str, statement: str, *values: Any) -> str:
        """The first column of the first row."""
        return str(self.rows(service, statement, *values)[0][0])

    def broken(self) -> dict[str, str]:
        """The invariants that do not hold, with what they say."""
        findings = all_invariants(Views(self.bench.embedded.runtimes))
        return {finding.name: finding.detail for finding in findings if not finding.ok}

    def _hire(self, name: str) -> str:
        made = self._ask(
            "POST",
            "/auth/api/v1/users",
            "admin",
            email=f"{name}@popug.test",
            name=name.title(),
            role="worker",
            password="long enough",
        )
        return str(made["id"])

    def _task_of(self, person: str) -> str:
        """A new task, handed to this person unless chance already gave it to him."""
        task = self._ask("POST", "/tasks/api/v1/tasks", "manager", title="Paint the cage")
        if task["assignee_id"] != person:
            path = f"/tasks/api/v1/tasks/{task['id']}/reassign"
            self._ask("POST", path, "manager", assignee_id=person)
        return str(task["id"])

    def _close(self, task: str, person: str) -> None:
        self._ask("POST", f"/tasks/api/v1/tasks/{task}/close", by=person)

    def _ask(self, method: str, path: str, who: str = "worker", by: str = "", **body: Any) -> Any:
        client = self.bench.client(who, by or None)
        answer: TestResponse = client.open(path, method=method, json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.json


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the company has lived, to be copied."""
    folder = tmp_path_factory.mktemp("lived")
    bench = Workbench(folder, *system.services)
    Company(bench).live()
    bench.close()
    return folder


@pytest.fixture
def company(lived: Path, tmp_path: Path) -> Iterator[Company]:
    shutil.copytree(lived, tmp_path / "copy")
    bench = Workbench(tmp_path / "copy", *system.services)
    bench.clock.put(NOON)
    bench.clock.advance(days=1, hours=1)
    yield Company(bench)
    bench.close()


def test_books_that_agree_are_found_to_agree(company: Company) -> None:
    assert company.broken() == {}


# Each plants one fault and gives the id that must be named, and the invariant that must break.


def _missing_fee(company: Company) -> tuple[str, str]:
    fee = company.one("accounts", "SELECT source_id FROM entries WHERE kind = 'fee' LIMIT 1")
    company.rows("accounts", "DELETE FROM entries WHERE kind = 'fee' AND source_id = ?", fee)
    return "every assignment is charged exactly once", fee


def _fee_of_another_amount(company: Company) -> tuple[str, str]:
    fee = company.one("accounts", "SELECT source_id FROM entries WHERE kind = 'fee' LIMIT 1")
    company.rows(
        "accounts", "UPDATE entries SET sum = sum * 2 WHERE kind = 'fee' AND source_id = ?", fee
    )
    return "every assignment is charged exactly once", fee


def _fee_of_another_popug(company: Company) -> tuple[str, str]:
    fee, user = company.rows(
        "accounts", "SELECT source_id, user_id FROM entries WHERE kind = 'fee' LIMIT 1"
    )[0]
    company.rows(
        "accounts",
        "UPDATE entries SET user_id = (SELECT user_id FROM accounts WHERE user_id <> ?) "
        "WHERE kind = 'fee' AND source_id = ?",
        user,
        fee,
    )
    return "every assignment is charged exactly once", str(fee)


def _doubled_reward(company: Company) -> tuple[str, str]:
    task = company.one("accounts", "SELECT source_id FROM entries WHERE kind = 'reward' LIMIT 1")
    columns = "kind, user_id, task_id, occurred_at, day, sum, balance, note, posted_at"
    company.rows(
        "accounts",
        f"INSERT INTO entries (transaction_id, side, source_id, {columns}) "
        f"SELECT 'twice', side, source_id || '-again', {columns} FROM entries "
        "WHERE kind = 'reward' AND source_id = ?",
        task,
    )
    return "every closed task is paid exactly once", f"{task}-again"


def _reward_without_close(company: Company) -> tuple[str, str]:
    task = company.one("tasks", "SELECT id FROM tasks WHERE status = 'closed' LIMIT 1")
    company.rows("tasks", "UPDATE tasks SET status = 'open', closed_at = NULL WHERE id = ?", task)
    return "every closed task is paid exactly once", task


def _close_without_reward(company: Company) -> tuple[str, str]:
    task = company.one("tasks", "SELECT id FROM tasks WHERE status = 'open' LIMIT 1")
    company.rows("tasks", "UPDATE tasks SET status = 'closed' WHERE id = ?", task)
    return "every closed task is paid exactly once", task


def _changed_balance(company: Company) -> tuple[str, str]:
    user = company.one("accounts", "SELECT user_id FROM accounts LIMIT 1")
    company.rows("accounts", "UPDATE accounts SET balance = balance + 1 WHERE user_id = ?", user)
    return "accounts: each balance is the sum of the account's entries", user


def _payout_missing_in_billing(company: Company) -> tuple[str, str]:
    payout = company.one("billing", "SELECT id FROM payouts LIMIT 1")
    company.rows("billing", "DELETE FROM payouts WHERE id = ?", payout)
    return "payouts in accounts are those in billing", payout


def _payout_of_another_amount(company: Company) -> tuple[str, str]:
    payout = company.one("billing", "SELECT id FROM payouts LIMIT 1")
    company.rows("billing", "UPDATE payouts SET amount = amount + 1 WHERE id = ?", payout)
    return "payouts in accounts are those in billing", payout


def _return_without_cancelling(company: Company) -> tuple[str, str]:
    payout = company.one("billing", "SELECT id FROM payouts WHERE status = 'cancelled'")
    company.rows("billing", "UPDATE payouts SET status = 'failed' WHERE id = ?", payout)
    return "cancelled payouts are back on the accounts", payout


def _extra_transfer(company: Company) -> tuple[str, str]:
    company.rows(
        "billing",
        "INSERT INTO sandbox_transfers (idempotency_key, reference, amount, currency, card_last4, "
        "status, at) VALUES ('k1', 'SBX-1', 100, 'USD', '1486', 'paid', '2026-03-11')",
    )
    return "billing: succeeded payouts are the gateway's book", "k1"


def _missing_transfer(company: Company) -> tuple[str, str]:
    company.rows("billing", "DELETE FROM sandbox_transfers")
    payout = company.one("billing", "SELECT id FROM payouts WHERE status = 'succeeded'")
    return "billing: succeeded payouts are the gateway's book", payout


def _missing_mail(company: Company) -> tuple[str, str]:
    payout = company.one("mailer", "SELECT payout_id FROM mails WHERE kind = 'payout' LIMIT 1")
    company.rows("mailer", "DELETE FROM mails WHERE kind = 'payout' AND payout_id = ?", payout)
    return "each payout has its mail", payout


def _altered_day(company: Company) -> tuple[str, str]:
    company.rows("analytics", "UPDATE days SET fees = fees + 1 WHERE date = '2026-03-10'")
    return "analytics' days are the company days", "2026-03-10"


def _altered_top_task(company: Company) -> tuple[str, str]:
    company.rows("analytics", "UPDATE days SET top_task_id = 'x' WHERE date = '2026-03-10'")
    return "all events replayed give the same analytics", "2026-03-10"


def _altered_debt(company: Company) -> tuple[str, str]:
    user = company.one("analytics", "SELECT user_id FROM user_days LIMIT 1")
    company.rows("analytics", "UPDATE user_days SET sum = sum - 1 WHERE user_id = ?", user)
    return "all events replayed give the same analytics", user


def _payout_not_counted(company: Company) -> tuple[str, str]:
    """As if analytics had never heard of it: figures and events agree with one another."""
    payout, user, amount = company.rows(
        "accounts",
        "SELECT transaction_id, user_id, sum FROM entries "
        "WHERE kind = 'payout' AND side = 'popug' LIMIT 1",
    )[0]
    company.rows("analytics", "DELETE FROM inbox WHERE instr(CAST(payload AS TEXT), ?) > 0", payout)
    company.rows("analytics", "DELETE FROM counted WHERE kind = 'payout' AND source_id = ?", payout)
    company.rows(
        "analytics",
        "UPDATE user_days SET sum = sum - ? WHERE user_id = ? AND date = '2026-03-10'",
        amount,
        user,
    )
    return "analytics' sums are the balances", str(user)


def _undelivered_event(company: Company) -> tuple[str, str]:
    company.bench.client("manager").post("/tasks/api/v1/tasks", json={"title": "On its way"})
    return "no event waits in an outbox", "tasks: 1"


def _parked_event(company: Company) -> tuple[str, str]:
    unknown = PayoutCancelled(payout_id="p?", user_id="u?", date=NOON.date(), amount=1)
    company.bench.hear(unknown, service="accounts")
    return "no event is parked", "accounts: 1"


def _event_applied_in_part(company: Company) -> tuple[str, str]:
    """Heard, and yet not in the ledger."""
    fee = company.one("accounts", "SELECT source_id FROM entries WHERE kind = 'fee' LIMIT 1")
    company.rows("accounts", "DELETE FROM entries WHERE kind = 'fee' AND source_id = ?", fee)
    return "all events replayed give the same ledger", fee


FAULTS = (
    _missing_fee,
    _fee_of_another_amount,
    _fee_of_another_popug,
    _doubled_reward,
    _reward_without_close,
    _close_without_reward,
    _changed_balance,
    _payout_missing_in_billing,
    _payout_of_another_amount,
    _return_without_cancelling,
    _extra_transfer,
    _missing_transfer,
    _missing_mail,
    _altered_day,
    _altered_top_task,
    _altered_debt,
    _payout_not_counted,
    _undelivered_event,
    _parked_event,
    _event_applied_in_part,
)


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__.strip("_"))
def test_a_planted_fault_is_found_and_named(
    company: Company, plant: Callable[[Company], tuple[str, str]]
) -> None:
    invariant, named = plant(company)
    broken = company.broken()
    assert invariant in broken, broken
    assert named in broken[invariant]


def test_the_command_reports_a_difference_by_its_exit_code(
    lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(lived, tmp_path / "copy")
    bench = Workbench(tmp_path / "copy", *system.services)
    monkeypatch.setenv("POPUG_DATA", str(tmp_path / "copy" / "data"))
    command = ["reconcile", "--json", "--wait", "0"]
    assert CliRunner().invoke(main, command).exit_code == 0
    _, fee = _missing_fee(Company(bench))
    bench.close()
    found = CliRunner().invoke(main, command)
    assert found.exit_code == 1
    broken = [row for row in json.loads(found.stdout) if not row["ok"]]
    assert any(fee in row["detail"] for row in broken)

"""A small company whose books are compared, and in which a test may plant what it likes."""

import sqlite3
from typing import Any

from werkzeug.test import TestResponse

from popug.invariants import Views, all_invariants
from tests.support import Workbench

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
        while poor := [person for person in self.people if self._balance(person) <= 0]:
            for person in poor:  # prices are drawn: he may have paid more than he earned
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
        """What a statement gives on a service's or the bank's file; it may go behind all guards."""
        connection = sqlite3.connect(self.bench.settings.data / f"{service}.db")
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

    def promote(self, person: str, role: str) -> None:
        self._ask("PATCH", f"/auth/api/v1/users/{person}", "admin", role=role)

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

    def _balance(self, person: str) -> int:
        account = self._ask("GET", "/accounts/api/v1/accounts/me", by=person)
        return int(account["balance"])

    def _close(self, task: str, person: str) -> None:
        self._ask("POST", f"/tasks/api/v1/tasks/{task}/close", by=person)

    def _ask(self, method: str, path: str, who: str = "worker", by: str = "", **body: Any) -> Any:
        client = self.bench.client(who, by or None)
        answer: TestResponse = client.open(path, method=method, json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.json

"""All the ways in which somebody brings a card number into Popug, right ones and wrong ones."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests

from tests.system.company import PASSWORD, Company
from tests.system.running import Person

CARD = "/billing/api/v1/cards/me"


@dataclass
class Acts:
    """What is done with a number; `answers` holds the bytes of everything that was answered."""

    company: Company
    chance: random.Random
    answers: list[bytes] = field(default_factory=list)

    def do(self, number: str, turn: int) -> None:
        """Bring this number in, in the way whose turn it is."""
        ways: list[Callable[[str], None]] = [
            self.store_by_rest,
            self.store_by_form,
            self.mistype,
            self.send_nonsense,
            self.ask_for_it,
            self.write_it_into_a_task,
            self.give_it_as_a_reason,
            self.call_somebody_so,
            self.sign_in_with_it,
        ]
        ways[turn % len(ways)](number)

    @property
    def _popug(self) -> Person:
        return self.chance.choice(self.company.workers)

    def _ask(
        self, who: Person, method: str, path: str, *expected: int, **request: Any
    ) -> requests.Response:
        answer = who.ask(method, path, allow_redirects=False, **request)
        assert answer.status_code in expected, f"{method} {answer.status_code} {answer.text[:500]}"
        self.answers.append(f"{answer.headers}".encode() + answer.content)
        return answer

    def store_by_rest(self, number: str) -> None:
        written = self.chance.choice([number, _grouped(number, " "), _grouped(number, "-")])
        self._ask(self._popug, "PUT", CARD, 200, json={"card_number": written})

    def store_by_form(self, number: str) -> None:
        popug = self._popug
        form = {"card_number": _grouped(number, " ")}
        self._ask(popug, "POST", "/billing/card", 303, data=form)
        self._ask(popug, "GET", "/billing/", 200)

    def mistype(self, number: str) -> None:
        wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
        popug = self._popug
        # However short the number, with seven more digits it is too long.
        for typed in (wrong, number + "0000000", f"{number} {number}", number + "x"):
            self._ask(popug, "PUT", CARD, 422, json={"card_number": typed})
            self._ask(popug, "POST", "/billing/card", 422, data={"card_number": typed})

    def send_nonsense(self, number: str) -> None:
        popug = self._popug
        for body in (
            {"card_number": int(number)},
            {"card_number": [number]},
            {"card_number": {"number": number}},
            {"card": number},
            {"card_number": number, number: number},
            [number],
            number,
        ):
            self._ask(popug, "PUT", CARD, 400, 422, json=body)
        for kind, text in (
            ("application/json", f'{{"card_number": "{number}'),
            ("application/json", f"card_number={number}"),
            ("text/plain", number),
        ):
            headers = {"Content-Type": kind}
            self._ask(popug, "PUT", CARD, 400, 415, 422, data=text, headers=headers)
        self._ask(popug, "POST", "/billing/card", 422, files={"card_number": ("a.txt", number)})

    def ask_for_it(self, number: str) -> None:
        popug, accountant = self._popug, self.company.accountant
        for written in (number, quote(_grouped(number, " ")), _grouped(number, "-")):
            self._ask(popug, "GET", f"/billing/payouts/{written}", 404)
            self._ask(popug, "POST", f"/tasks/{written}/close", 404)
            self._ask(popug, "PUT", f"{CARD}/{written}", 404, json={"card_number": number})
            cancel = f"/billing/api/v1/payouts/{written}/cancel"
            self._ask(accountant, "POST", cancel, 404, json={"reason": "no such payout"})
            self._ask(popug, "GET", f"/tasks/api/v1/tasks?assignee=me&q={written}", 200)
            self._ask(accountant, "GET", f"/billing/api/v1/payouts?user_id={written}", 200)
        told = {"User-Agent": number, "X-Forwarded-For": number, "traceparent": f"00-{number}"}
        self._ask(popug, "GET", "/tasks/api/v1/tasks?assignee=me", 200, headers=told)

    def write_it_into_a_task(self, number: str) -> None:
        body = {
            "title": f"Pay me to {_grouped(number, ' ')} soon",
            "description": f"Or {number}, or {_grouped(number, '-')}.",
        }
        task = self._ask(self._popug, "POST", "/tasks/api/v1/tasks", 201, json=body).json()
        holder = self.company.by_id[task["assignee_id"]]
        self._ask(holder, "GET", f"/tasks/{task['id']}", 200)
        self._ask(holder, "POST", f"/tasks/api/v1/tasks/{task['id']}/close", 200)
        self._ask(self.company.manager, "GET", "/tasks/board", 200)

    def give_it_as_a_reason(self, number: str) -> None:
        accountant, popug = self.company.accountant, self._popug
        mine = f"/accounts/api/v1/accounts/{popug.id}/transactions"
        booked = accountant.ask("GET", mine).json().get("items", [])
        fees = [entry["id"] for entry in booked if entry["kind"] == "fee"]
        body = {"transaction_id": fees[0] if fees else "none", "reason": f"card {number} lost"}
        self._ask(accountant, "POST", "/accounts/api/v1/reversals", 201, 404, 409, json=body)
        self._ask(accountant, "GET", mine, 200, 404)
        drop = "/accounts/api/v1/parked/events/1/drop"
        reason = {"reason": _grouped(number, "-")}
        self._ask(self.company.admin, "POST", drop, 404, 409, json=reason)

    def call_somebody_so(self, number: str) -> None:
        popug, admin = self._popug, self.company.admin
        path = f"/auth/api/v1/users/{popug.id}"
        self._ask(admin, "PATCH", path, 200, json={"name": f"Popug {number}"})
        self._ask(admin, "GET", "/auth/users", 200)

    def sign_in_with_it(self, number: str) -> None:
        stranger = self._popug
        for email, password in ((number, PASSWORD), (f"{number}@popug.test", number)):
            body = {"email": email, "password": password}
            self._ask(stranger, "POST", "/auth/api/v1/login", 401, 422, 429, json=body)
            self._ask(stranger, "POST", "/auth/login", 401, 422, 429, data=body)


def _grouped(number: str, by: str) -> str:
    return by.join(number[start : start + 4] for start in range(0, len(number), 4))

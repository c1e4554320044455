"""A small company for the stories, and what its books must show, worked out from the rules."""

import re
import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.system.running import ADMIN, Person

CARD = "4539578763621486"
PASSWORD = "a long enough password"


@dataclass
class Books:
    """What every fee and reward must come to, kept by hand beside the system (cents)."""

    fees: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    rewards: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    closed: list[dict[str, Any]] = field(default_factory=list)

    def assigned(self, task: dict[str, Any]) -> None:
        self.fees[task["assignee_id"]].append(task["fee"])

    def closed_by(self, user_id: str, task: dict[str, Any]) -> None:
        self.rewards[user_id].append(task["reward"])
        self.closed.append(task)

    def balance(self, user_id: str) -> int:
        return sum(self.rewards[user_id]) - sum(self.fees[user_id])

    @property
    def all_fees(self) -> int:
        return sum(map(sum, self.fees.values()))

    @property
    def all_rewards(self) -> int:
        return sum(map(sum, self.rewards.values()))

    @property
    def earned(self) -> int:
        return self.all_fees - self.all_rewards

    def top_task(self) -> dict[str, Any]:
        """The priciest closed task; of equals the one with the smallest id."""
        return min(self.closed, key=lambda task: (-task["reward"], task["id"]))


class Company:
    """People of all roles in a running system."""

    def __init__(self, url: str, workers: int) -> None:
        self.url = url
        self.emails: dict[str, str] = {}
        self.admin = Person(url, *ADMIN)
        self.manager = self.hire("manager")
        self.accountant = self.hire("accountant")
        self.workers = [self.hire("worker") for _ in range(workers)]
        # Tasks land on accountants too: a candidate is who neither manages nor administers.
        self.candidates = [*self.workers, self.accountant]
        self.by_id = {person.id: person for person in self.candidates}

    def hire(self, role: str) -> Person:
        """Somebody new of this role, signed in."""
        email = f"{role}-{secrets.token_hex(4)}@popug.test"
        self.admin.post(
            "/auth/api/v1/users", email=email, name=f"A {role}", role=role, password=PASSWORD
        )
        person = Person(self.url, email, PASSWORD)
        self.emails[person.id] = email
        return person

    def balances(self) -> dict[str, int]:
        """Every candidate's balance as his own account shows it."""
        return {p.id: p.get("/accounts/api/v1/accounts/me")["balance"] for p in self.candidates}


def cents_in(text: str) -> list[int]:
    """All dollar amounts in a text, in cents."""
    return [
        int(whole.replace(",", "")) * 100 + int(cents)
        for whole, cents in re.findall(r"\$([\d,]+)\.(\d\d)", text)
    ]

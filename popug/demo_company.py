"""The people of the demo company and what they do all day, over the public REST API."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from werkzeug.test import Client

from chassis.clock import MovingClock
from chassis.identity import Identity
from chassis.system import Embedded

DOMAIN = "uberpopug.example"
DECLINED_CARD = "4000000000000002"
TASKS_ON_A_WORKDAY, TASKS_ON_A_WEEKEND = 34, 12
SATURDAY = 5


@dataclass(frozen=True)
class Person:
    """Someone to hire: the local part of his address, his name and role."""

    login: str
    name: str
    role: str

    @property
    def email(self) -> str:
        return f"{self.login}@{DOMAIN}"


@dataclass
class Company:
    """A company that lives through days up to the moment `until`."""

    embedded: Embedded
    clock: MovingClock
    until: datetime
    chance: random.Random = field(default_factory=lambda: random.Random(42))  # noqa: S311 - no secret
    people: dict[str, Identity] = field(default_factory=dict)

    def hire(self, staff: Sequence[tuple[Person, str]]) -> list[dict[str, str]]:
        """Add everyone with his password; gives back the logins of the first of each role."""
        founder = Identity("founder", "admin", "Founder")
        logins: list[dict[str, str]] = []
        for person, password in staff:
            language = "ru" if self.chance.random() < 0.2 else "en"
            made = self._ask(
                founder,
                "POST",
                "/auth/api/v1/users",
                email=person.email,
                name=person.name,
                role=person.role,
                password=password,
                language=language if person.login != person.role else "en",
            )
            self.people[made["id"]] = Identity(made["id"], person.role, person.name)
            if person.login == person.role:
                logins.append({"role": person.role, "email": person.email, "password": password})
        return logins

    def hand_out_cards(self) -> None:
        """Most store a card; two have one that the bank declines, some have none yet."""
        for number, who in enumerate(self.people.values()):
            if number % 7 == 6:
                continue
            card = DECLINED_CARD if number in (8, 18) else _card_number(self.chance)
            self._ask(who, "PUT", "/billing/api/v1/cards/me", card_number=card)

    def live_through(self, day: date) -> None:
        """One day from morning to just after midnight, as far as `until` allows."""
        weekend = day.weekday() >= SATURDAY
        tasks = TASKS_ON_A_WEEKEND if weekend else TASKS_ON_A_WORKDAY
        zone = self.embedded.settings.zone
        minutes = sorted(self.chance.randrange(8 * 60, 20 * 60) for _ in range(tasks))
        for minute in minutes:
            moment = datetime.combine(day, time(minute // 60, minute % 60), zone)
            if moment >= self.until:
                return
            self.clock.put(moment)
            self._create()
            if self.chance.random() < 0.85:
                self._close_something()
        if day.weekday() == 2:
            self._ask(self._one("manager"), "POST", "/tasks/api/v1/shuffles")
        self.embedded.settle()
        midnight = datetime.combine(day + timedelta(days=1), time(0, 5), zone)
        if midnight < self.until:
            self.clock.put(midnight)
            self.embedded.settle()

    def _create(self) -> None:
        title = f"{self.chance.choice(_VERBS)} {self.chance.choice(_THINGS)}"
        if self.chance.random() < 0.6:
            title = f"[POPUG-{self.chance.randrange(100, 999)}] {title}"
        who = self.chance.choice(list(self.people.values()))
        self._ask(who, "POST", "/tasks/api/v1/tasks", title=title)

    def _close_something(self) -> None:
        """Somebody who is not lazy closes a task of his; a lazy popug runs into debt."""
        path = "/tasks/api/v1/tasks?status=open&limit=50"
        done = [
            task
            for task in self._ask(self._one("manager"), "GET", path)["items"]
            if task["assignee_id"] not in self._lazy
        ]
        if done:
            task = self.chance.choice(done)
            holder = self.people[task["assignee_id"]]
            self._ask(holder, "POST", f"/tasks/api/v1/tasks/{task['id']}/close")

    @property
    def _lazy(self) -> set[str]:
        return set(list(self.people)[10::6])

    def _one(self, role: str) -> Identity:
        return next(who for who in self.people.values() if who.role == role)

    def _ask(self, who: Identity, method: str, path: str, **body: Any) -> Any:
        """Ask over REST as this person. Raises RuntimeError if the answer is no."""
        now = self.clock.now()
        issuer = self.embedded.runtimes["auth"].issuer
        token = issuer.for_person(who, now, now + timedelta(hours=1))
        answer = Client(self.embedded.wsgi).open(
            path,
            method=method,
            json=body if body else None,
            headers={"Authorization": f"Bearer {token}"},
        )
        if answer.status_code >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.get_data(as_text=True)}")
        return answer.get_json()


def _card_number(chance: random.Random) -> str:
    """A number of sixteen digits that passes Luhn's check and belongs to nobody."""
    digits = [4, 0] + [chance.randrange(10) for _ in range(13)]
    doubled = [d * 2 - 9 * (d > 4) if i % 2 == 0 else d for i, d in enumerate(digits)]
    return "".join(map(str, [*digits, -sum(doubled) % 10]))


_VERBS = (
    "Paint", "Repair", "Sweep", "Measure", "Photograph", "Insure", "Translate", "Count",
    "Polish", "Move", "Order", "Inspect", "Describe", "Restock", "Sketch", "Label",
)  # fmt: skip
_THINGS = (
    "the cage", "the perch", "the mirror", "the seed store", "the landing page", "the bell",
    "the swing", "the west aviary", "the nest boxes", "the fruit bowl", "the ladder",
    "the weekly report", "the guest perch", "the water dish", "the flight plan", "the feathers",
)  # fmt: skip

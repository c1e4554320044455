"""The load: people who create, close and reassign, a manager who shuffles, an admin who promotes.

Each client changes only the tasks that it made itself, so its journal is exact; the
shuffle, which changes everybody's, has all of them wait between two pieces of work.
"""

import random
import secrets
import threading
import time
from collections.abc import Callable
from datetime import date

from tests.faults.client import Client, Unanswered
from tests.faults.gate import Gate
from tests.faults.journal import BrokenPromise, Journal, Promised
from tests.system.company import Company
from tests.system.running import Person

CLIENT, OFFICE = "client", "office"
CLIENTS = 8
CHANGES_PER_SECOND = 100.0
OPEN_PER_CLIENT = 12
SHUFFLE_EVERY_SECONDS = 12.0
OFFICE_EVERY_SECONDS = 0.5
SHUFFLE_SECONDS = 120


class Load:
    """Runs until `stop`; `halt` brings it to a state in which every request is answered."""

    def __init__(
        self,
        company: Company,
        drifters: list[Person],
        journal: Journal,
        seed: int,
        office_works: bool = True,
    ) -> None:
        """`drifters` are people whose role changes all the time between manager and admin.

        With `office_works` the accountant closes the day now and then, and a manager shuffles.
        """
        self.company = company
        self.drifters = drifters
        self.journal = journal
        self._seed = seed
        self._office_works = office_works
        self._stopped = threading.Event()
        self._gate = Gate({CLIENT: CLIENTS, OFFICE: 1})
        self._threads = [
            threading.Thread(target=self._guarded, args=(CLIENT, self._client, n))
            for n in range(CLIENTS)
        ] + [threading.Thread(target=self._guarded, args=(OFFICE, self._office, CLIENTS))]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def halt(self, seconds: float) -> None:
        """Have everybody finish what he is at. Raises BrokenPromise if somebody cannot."""
        still = self._gate.close("halt", [CLIENT, OFFICE], seconds)
        if self.journal.problems:
            raise BrokenPromise("; ".join(self.journal.problems[:5]))
        if not still:
            raise BrokenPromise(f"requests are still unanswered after {seconds:.0f} s")

    def go_on(self) -> None:
        self._gate.open("halt")

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _guarded(self, kind: str, work: Callable[[int], None], number: int) -> None:
        try:
            work(number)
        except BrokenPromise as broken:
            self.journal.problem(str(broken))
        except Exception as error:  # noqa: BLE001 - it must be seen where it is asked for
            self.journal.problem(f"the load itself failed: {error!r}")
        finally:
            self._gate.one_less(kind)

    def _client(self, number: int) -> None:
        chance = random.Random(self._seed * 1_000 + number)
        client = Client(self.company.url, self.journal)
        mine: list[Promised] = []
        turn = time.monotonic() + chance.random() * CLIENTS / CHANGES_PER_SECOND
        while not self._stopped.is_set():
            self._gate.pass_through(CLIENT, self._stopped.is_set)
            turn = max(turn + CLIENTS / CHANGES_PER_SECOND, time.monotonic() - 0.5)
            self._stopped.wait(max(0.0, turn - time.monotonic()))
            self._change(client, chance, mine)

    def _change(self, client: Client, chance: random.Random, mine: list[Promised]) -> None:
        free = [task for task in mine if task.settled]
        if len(free) < chance.randint(1, OPEN_PER_CLIENT):
            mine.append(self._create(client, chance))
        elif chance.random() < 0.2:
            self._reassign(client, chance, chance.choice(free))
        else:
            task = chance.choice(free)
            self._close(client, task)
            mine.remove(task)

    def _create(self, client: Client, chance: random.Random) -> Promised:
        maker = chance.choice(self.company.candidates)
        key = secrets.token_hex(12)
        answer, _ = client.insist(
            "create",
            maker,
            "POST",
            "/tasks/api/v1/tasks",
            json={"title": f"Cage {key}"},
            headers={"Idempotency-Key": key},
        )
        if answer.status_code != 201:
            raise BrokenPromise(f"create: {answer.status_code} {answer.text[:300]}")
        return self.journal.created(key, answer.json())

    def _close(self, client: Client, task: Promised) -> None:
        holder = self.company.by_id[task.holder]
        path = f"/tasks/api/v1/tasks/{task.id}"
        answer, lost = client.insist("close", holder, "POST", f"{path}/close")
        if answer.status_code == 409 and lost:
            # One of those that were not answered may have done it: look.
            answer, _ = client.insist("look", holder, "GET", path)
        if answer.status_code != 200 or answer.json()["status"] != "closed":
            raise BrokenPromise(f"close {task.id}: {answer.status_code} {answer.text[:300]}")
        self.journal.closed(task, task.holder)

    def _reassign(self, client: Client, chance: random.Random, task: Promised) -> None:
        to = chance.choice([p.id for p in self.company.candidates if p.id != task.holder])
        path = f"/tasks/api/v1/tasks/{task.id}/reassign"
        try:
            answer = client.ask(
                "reassign", self.company.manager, "POST", path, json={"assignee_id": to}
            )
        except Unanswered:
            # To ask again would be another assignment, and another fee.
            self.journal.perhaps_given(task, to)
            return
        if answer.status_code != 200 or answer.json()["assignee_id"] != to:
            raise BrokenPromise(f"reassign {task.id}: {answer.status_code} {answer.text[:300]}")
        self.journal.given(task, to)

    def _office(self, _number: int) -> None:
        chance = random.Random(self._seed * 1_000 + CLIENTS)
        client = Client(self.company.url, self.journal)
        shuffle_at = time.monotonic() + SHUFFLE_EVERY_SECONDS * chance.random()
        while not self._stopped.is_set():
            self._gate.pass_through(OFFICE, self._stopped.is_set)
            self._promote(client, chance)
            if chance.random() < 0.1 and self._office_works:
                self._close_the_day(client)
            if time.monotonic() > shuffle_at and self._office_works:
                self._shuffle(client)
                shuffle_at = time.monotonic() + SHUFFLE_EVERY_SECONDS * chance.uniform(0.5, 1.5)
            self._stopped.wait(OFFICE_EVERY_SECONDS)

    def _promote(self, client: Client, chance: random.Random) -> None:
        person, role = chance.choice(self.drifters), chance.choice(["manager", "admin"])
        self.journal.role_asked(person.id, role)
        answer, lost = client.insist(
            "change user",
            self.company.admin,
            "PATCH",
            f"/auth/api/v1/users/{person.id}",
            json={"role": role},
        )
        if answer.status_code != 200 or answer.json()["role"] != role:
            raise BrokenPromise(f"change user: {answer.status_code} {answer.text[:300]}")
        self.journal.role_is(person.id, role, unanswered=lost > 0)

    def _close_the_day(self, client: Client) -> None:
        accountant = self.company.accountant
        days, _ = client.insist("look", accountant, "GET", "/accounts/api/v1/company")
        today = str(date.fromisoformat(days.json()["items"][-1]["date"]))
        path = f"/accounts/api/v1/days/{today}/close"
        answer, _ = client.insist("close day", accountant, "POST", path)
        if answer.status_code != 200 or answer.json()["status"] != "closed":
            raise BrokenPromise(f"close day: {answer.status_code} {answer.text[:300]}")
        self.journal.day_closed(today)

    def _shuffle(self, client: Client) -> None:
        """Deal all open tasks anew while the clients wait, and note where each landed."""
        try:
            if not self._gate.close("shuffle", [CLIENT], SHUFFLE_SECONDS):
                return  # somebody still waits for an answer; another time
            manager = self.company.manager
            started, _ = client.insist(
                "shuffle",
                manager,
                "POST",
                "/tasks/api/v1/shuffles",
                headers={"Idempotency-Key": secrets.token_hex(12)},
            )
            if started.status_code != 202:
                raise BrokenPromise(f"shuffle: {started.status_code} {started.text[:300]}")
            self._follow(client, manager, started.json()["id"])
            self._note_where_all_landed(client, manager)
        finally:
            self._gate.open("shuffle")

    def _follow(self, client: Client, manager: Person, shuffle_id: str) -> None:
        deadline = time.monotonic() + SHUFFLE_SECONDS
        while True:
            answer, _ = client.insist(
                "look", manager, "GET", f"/tasks/api/v1/shuffles/{shuffle_id}"
            )
            if answer.json()["status"] == "done":
                return
            if time.monotonic() > deadline:
                raise BrokenPromise(f"shuffle {shuffle_id} does not end: {answer.text[:300]}")
            time.sleep(0.1)

    def _note_where_all_landed(self, client: Client, manager: Person) -> None:
        open_tasks = self.journal.open_tasks()
        after: str | None = None
        found: dict[str, str] = {}
        while True:
            query = {"status": "open", "limit": "200", **({"after": after} if after else {})}
            answer, _ = client.insist("look", manager, "GET", "/tasks/api/v1/tasks", params=query)
            page = answer.json()
            found |= {task["id"]: task["assignee_id"] for task in page["items"]}
            after = page["next"]
            if after is None:
                break
        if found.keys() != open_tasks.keys():
            differ = sorted(found.keys() ^ open_tasks.keys())[:5]
            raise BrokenPromise(f"open are others than those that were not closed: {differ}")
        for task_id, holder in found.items():
            self.journal.given(open_tasks[task_id], holder)

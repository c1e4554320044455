"""The checker: compares the journal with what the REST API shows, to the cent.

`check` looks at what is new since it looked last; a fresh Checker looks at everything.
It reads no table of Popug's.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.faults.journal import BrokenPromise, Journal, Promised
from tests.system.company import Company

IDS_PER_QUERY = 150
SHOWN = 5

Entry = dict[str, Any]


@dataclass
class Book:
    """One popug's entries as read so far, newest last."""

    last_id: str | None = None
    balance: int = 0
    by_day: Counter[str] = field(default_factory=Counter)
    payout_days: list[str] = field(default_factory=list)
    paid: int = 0


class Checker:
    """Call `check` only while nothing is on its way and every request is answered."""

    def __init__(self, company: Company, journal: Journal) -> None:
        self._company = company
        self._journal = journal
        self._books: dict[str, Book] = defaultdict(Book)
        # (task, popug) → sums of the fees and of the rewards booked.
        self._fees: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._rewards: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._newest_task: str | None = None
        self._listed: set[str] = set()

    def check(self, touched: set[str]) -> None:
        """Compare what changed since the last time. Raises BrokenPromise."""
        tasks = self._read_tasks(touched)
        booked = set().union(*(self._read_book(p.id) for p in self._company.candidates))
        strange = sorted((booked | self._listed) - self._journal.tasks.keys())
        if strange:
            raise BrokenPromise(f"nobody asked for these tasks: {_some(strange)}")
        wrong = [
            problem
            for task_id in sorted(touched | booked)
            for problem in self._problems_of(self._journal.tasks[task_id], tasks.get(task_id))
        ]
        if wrong:
            raise BrokenPromise(f"{len(wrong)} tasks are wrong: {_some(wrong)}")
        self._check_balances()

    def check_all(self) -> None:
        """Everything from the beginning, and the other services' books too."""
        self.check(set(self._journal.tasks))
        self._check_other_books()

    def _read_tasks(self, touched: set[str]) -> dict[str, Any]:
        """The touched tasks by id; lists all that are new beside it."""
        admin = self._company.admin
        after: dict[str, str] = {}
        found: list[Any] = []
        while True:
            page = admin.get("/tasks/api/v1/tasks", limit=200, **after)
            found += page["items"]
            if page["next"] is None or any(t["id"] == self._newest_task for t in page["items"]):
                break
            after = {"after": page["next"]}
        if found:
            self._newest_task = found[0]["id"]
        by_id = {task["id"]: task for task in found}
        self._listed |= by_id.keys()
        missing = sorted(touched - by_id.keys())
        for start in range(0, len(missing), IDS_PER_QUERY):
            ids = ",".join(missing[start : start + IDS_PER_QUERY])
            items = admin.get("/tasks/api/v1/tasks", limit=200, ids=ids)["items"]
            by_id |= {task["id"]: task for task in items}
        return by_id

    def _read_book(self, user_id: str) -> set[str]:
        """Take in the popug's new entries; gives the tasks that they speak of."""
        book = self._books[user_id]
        path = f"/accounts/api/v1/accounts/{user_id}/transactions"
        if self._company.admin.ask("GET", path, params={"limit": 1}).status_code == 404:
            return set()  # nothing was booked for him yet
        fresh: list[Entry] = []
        after: dict[str, str] = {}
        while True:
            page = self._company.admin.get(path, limit=200, **after)
            for entry in page["items"]:
                if entry["id"] == book.last_id:
                    return self._take_in(user_id, fresh)
                fresh.append(entry)
            if page["next"] is None:
                return self._take_in(user_id, fresh)
            after = {"after": page["next"]}

    def _take_in(self, user_id: str, newest_first: list[Entry]) -> set[str]:
        book = self._books[user_id]
        tasks = set()
        for entry in reversed(newest_first):
            book.balance += entry["sum"]
            if entry["balance"] != book.balance:
                raise BrokenPromise(
                    f"{user_id}: entry {entry['id']} says {entry['balance']}, "
                    f"the entries come to {book.balance}"
                )
            book.last_id = entry["id"]
            if entry["kind"] == "payout":
                self._take_payout(book, entry)
            book.by_day[entry["day"]] += entry["sum"]
            if entry["kind"] in ("fee", "reward"):
                sums = self._fees if entry["kind"] == "fee" else self._rewards
                sums[entry["task_id"]][user_id].append(entry["sum"])
                tasks.add(entry["task_id"])
            elif entry["kind"] != "payout":
                raise BrokenPromise(f"nobody asked for {entry}")
        return tasks

    @staticmethod
    def _take_payout(book: Book, entry: Entry) -> None:
        # What came in while the day was being closed counts for the next one, and may have
        # made the balance smaller than what was owed for this one.
        owed = sum(total for day, total in book.by_day.items() if day <= entry["day"])
        if owed <= 0 or entry["sum"] != -owed:
            raise BrokenPromise(f"paid instead of the {owed} that were owed: {entry}")
        if entry["day"] in book.payout_days:
            raise BrokenPromise(f"paid twice for one day: {entry}")
        book.payout_days.append(entry["day"])
        book.paid -= entry["sum"]

    def _problems_of(self, promised: Promised, task: Any | None) -> list[str]:
        """What is wrong with one task, its fees and its reward."""
        if task is None:
            return [] if promised.id in self._listed else [f"{promised.id} is lost"]
        problems = []
        if promised.maybe and promised.held_before:
            self._resolve(promised, task["assignee_id"])
        elif not promised.maybe and task["assignee_id"] != promised.holder:
            problems.append(f"{promised.id} is held by another")
        if (task["status"] == "closed") != (promised.closed_by is not None):
            problems.append(f"{promised.id} is {task['status']}, closed by {promised.closed_by}")
        if (task["fee"], task["reward"]) != (promised.fee, promised.reward):
            problems.append(f"{promised.id} has other prices")
        return problems + self._money_problems(promised)

    @staticmethod
    def _resolve(promised: Promised, holder: str) -> None:
        """An unanswered reassignment has happened if the task is where it was to go."""
        if holder == promised.maybe[-1]:
            promised.assigned[holder] += 1
            promised.holder = holder
        promised.maybe.clear()
        promised.held_before = None

    def _money_problems(self, promised: Promised) -> list[str]:
        problems = []
        fees = self._fees[promised.id]
        charged = Counter({user_id: len(sums) for user_id, sums in fees.items()})
        most = promised.assigned + Counter(promised.maybe)
        if not promised.assigned <= charged <= most:
            problems.append(f"{promised.id}: charged {charged}, assigned {promised.assigned}")
        if any(amount != -promised.fee for sums in fees.values() for amount in sums):
            problems.append(f"{promised.id}: fees {dict(fees)} are not {promised.fee}")
        rewards = dict(self._rewards[promised.id])
        right = {promised.closed_by: [promised.reward]} if promised.closed_by else {}
        if rewards != right:
            problems.append(f"{promised.id}: rewards {rewards} are not {right}")
        return problems

    def _check_balances(self) -> None:
        for person in self._company.candidates:
            answer = self._company.admin.ask("GET", f"/accounts/api/v1/accounts/{person.id}")
            shown = answer.json()["balance"] if answer.status_code == 200 else 0
            if shown != self._books[person.id].balance:
                raise BrokenPromise(
                    f"{person.id}: balance {shown}, entries {self._books[person.id].balance}"
                )

    def _check_other_books(self) -> None:
        """Payouts in billing and mailer, profits in analytics."""
        company = self._company
        booked = sorted(
            (user_id, day) for user_id, book in self._books.items() for day in book.payout_days
        )
        payouts = company.accountant.items("/billing/api/v1/payouts")
        if sorted((p["user_id"], p["date"]) for p in payouts) != booked:
            raise BrokenPromise(f"billing has other payouts: {payouts} instead of {booked}")
        if sum(p["amount"] for p in payouts) != sum(book.paid for book in self._books.values()):
            raise BrokenPromise("billing's payouts come to another sum than the ledger's")
        mails = company.admin.items("/mailer/api/v1/mails")
        if sorted(m["user_id"] for m in mails) != [user_id for user_id, _ in booked]:
            raise BrokenPromise(f"there are {len(mails)} mails for {len(booked)} payouts")
        profit = sum(day["profit"] for day in company.manager.items("/analytics/api/v1/days"))
        work = [
            s
            for sums in (self._fees, self._rewards)
            for users in sums.values()
            for s in users.values()
        ]
        if profit != -sum(map(sum, work)):
            raise BrokenPromise(f"analytics says {profit}, the entries {-sum(map(sum, work))}")


def _some(things: list[str]) -> str:
    more = f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return "; ".join(things[:SHOWN]) + more

"""A whole system in which shuffles are dealt and charged, and what they cost there."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import open_tasks
from bench.processes import Process, cpu_seconds_of_all
from chassis.ids import new_id
from tests import mariadb
from tests.system.company import Company
from tests.system.split import SplitPopug

SERVICES = ("auth", "tasks", "accounts", "analytics")
SHUFFLES = "/tasks/api/v1/shuffles"
BALANCES = "SELECT SUM(balance) FROM accounts"
FEES = "SELECT SUM(fees) FROM company_sums"
FEES_OPEN = "SELECT SUM(fee) FROM tasks WHERE status = 'open'"
FEES_EVER = "SELECT SUM(fee) FROM assignments JOIN tasks ON tasks.id = assignments.task_id"
NOT_DONE = "SELECT COUNT(*) FROM shuffles WHERE status <> 'done'"
COUNTED = {
    "accounts": "SELECT COUNT(*) FROM entries WHERE kind = 'fee'",
    "tasks": "SELECT 2 * COUNT(*) FROM assignments",
}
# What is measured is not to wait for who measures it.
LOOK_SECONDS = 0.1
LONGEST_SECONDS = 1_200

Found = dict[tuple[str, str], float]


class Dealing:
    """A system at work, and what its databases tell, asked for in ways that cost little."""

    def __init__(self, popug: SplitPopug, company: Company) -> None:
        url = popug.environment["POPUG_DATABASE_URL"]
        self.company = company
        self._schemas = {name: url.format(service=name).rpartition("/")[2] for name in SERVICES}
        self._looking = mariadb.connect()
        self._dealer = Process(popug.processes.id_of("worker-tasks"))
        self._ledger = Process(popug.processes.id_of("worker-accounts"))

    def add_people(self, count: int) -> None:
        """As many more candidates, who never sign in."""
        now = datetime.now(UTC).replace(tzinfo=None)
        rows = [[new_id(), f"popug-{n}@popug.test", f"Popug {n}", f"popug {n}", "worker", "en",
                 True, 0, "-", now] for n in range(count)]  # fmt: skip
        with mariadb.connect() as connection, connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO `{self._schemas['auth']}`.users (id, email, name, folded_name, role,"
                " language, active, epoch, password_hash, created_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                rows,
            )
            connection.commit()

    def have_open(self, size: int) -> int:
        """Have as many open tasks; says how many there are."""
        holders = [person.id for person in self.company.workers]
        open_tasks.top_up(self._schemas["tasks"], size, holders)
        return size

    def shuffle(self, size: int) -> Found:
        """One shuffle from the button to the last charge, in figures."""
        fees = self._ask("tasks", FEES_OPEN)
        wanted = self._ask("accounts", BALANCES) - fees
        self._dealer.forget_peak()
        memory = self._dealer.memory()
        used = self._used()
        began = time.monotonic()
        answered, dealt = self.deal()
        self._await("accounts", BALANCES, wanted)
        charged = time.monotonic() - began
        dealer, ledger, machine = (now - then for now, then in zip(self._used(), used, strict=True))
        grown = self._dealer.peak() - memory
        self._check()
        return {
            ("answered after", "ms"): answered * 1_000,
            ("dealt in the worker", "tasks/s"): size / dealt,
            ("all charged after", "s"): charged,
            ("charged", "tasks/s"): size / charged,
            ("the worker's memory grows by", "MB"): grown,
            ("processor of tasks' worker", "us/task"): dealer / size * 1e6,
            ("processor of accounts' worker", "us/task"): ledger / size * 1e6,
            ("processor of the whole machine", "us/task"): machine / size * 1e6,
        }

    def _used(self) -> tuple[float, float, float]:
        """Seconds of processor of the one that deals, the one that books, and all together."""
        return self._dealer.cpu_seconds(), self._ledger.cpu_seconds(), cpu_seconds_of_all()

    def deal(self) -> tuple[float, float]:
        """Press the button; seconds until it is answered, and until the last task is dealt."""
        began = time.monotonic()
        self.company.manager.post(SHUFFLES)
        answered = time.monotonic() - began
        self._await("tasks", NOT_DONE, 0)
        return answered, time.monotonic() - began

    def press(self) -> Callable[[], bool]:
        """Press the button; what comes back tells whether fees of it are still on their way.

        Others' fees count too, so that it says no a little early where there are any.
        """
        wanted = self._ask("accounts", FEES) + self._ask("tasks", FEES_OPEN)
        self.company.manager.post(SHUFFLES)
        return lambda: self._ask("accounts", FEES) < wanted

    def await_charged(self) -> None:
        """Until the company has had the fees of all assignments."""
        self._await("accounts", FEES, self._ask("tasks", FEES_EVER))

    def close(self) -> None:
        """Look no more."""
        self._looking.close()

    def _check(self) -> None:
        """Each assignment has its two entries in the ledger, and no more."""
        found = {name: self._ask(name, query) for name, query in COUNTED.items()}
        assert len(set(found.values())) == 1, found

    def _await(self, service: str, query: str, wanted: int) -> None:
        until = time.monotonic() + LONGEST_SECONDS
        while (found := self._ask(service, query)) != wanted:
            assert time.monotonic() < until, (query, found, wanted)
            time.sleep(LOOK_SECONDS)

    def _ask(self, service: str, query: str) -> int:
        with self._looking.cursor() as cursor:
            cursor.execute(f"USE `{self._schemas[service]}`")
            cursor.execute(query)
            row: Any = cursor.fetchone()
        self._looking.commit()  # the next look is to see what was committed meanwhile
        return int(row[0] or 0) if row else 0


@contextmanager
def dealing(candidates: int) -> Iterator[Dealing]:
    """The system, started, with as many candidates, and all of it gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        popug = SplitPopug(Path(folder), services=SERVICES)
        popug.start()
        try:
            popug.add_admin()
            with closing(Dealing(popug, Company(popug.url, workers=2))) as at_work:
                at_work.add_people(candidates)
                yield at_work
        finally:
            popug.stop()

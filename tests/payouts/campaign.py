"""Real processes: bank, billing's web and worker; faults at random, kills at random, then peace.

In the end each payout is paid once, cancelled, or waits for a person who has a reason to
look, and the bank's book says the same to the cent.
"""

import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import func, select

from billing import answers, claims, commands, models, notices, own_book
from billing.domain import CannotRetry, Unsettled
from billing.domain import PayoutStatus as S
from billing.gateways.bank import BankGateway
from chassis.database import DatabaseAway
from chassis.settings import load_settings
from contracts.accounts import PayoutRequested
from popug.opening import opener
from tests import mariadb, rabbitmq
from tests.servers.ports import free_port
from tests.system.running import POPUG, popug_command
from tests.system.supervisor import Supervisor
from tests.waiting import wait_for

SECRET = "the campaign's own key"
CARD = "4242424242424242"
PEOPLE = 500
FIRST_DAY = date(2026, 1, 1)
RESOLVED_SECONDS = 300
# So many are sent again while the bank still misbehaves.
RETRIED_AT_LAST = 5
# In a thousand calls. Every fault there is.
FAULTS = {
    "error_before": 15, "error_after": 15, "drop_answer": 15, "delay": 5, "too_many": 15,
    "refuse": 20, "wrong_amount": 3, "return_later": 10, "pending_first": 20, "ask_error": 30,
    "notice_first": 50, "notice_twice": 100, "notice_late": 100, "notice_forged": 50,
    "delay_ms": 1_500, "later_ms": 3_000,
}  # fmt: skip
ON_THE_WAY = (S.READY, S.SENDING, S.UNKNOWN, S.WAITING_FOR_CARD)


def why_not() -> str | None:
    """What is missing here, or None."""
    if not mariadb.reachable():
        return "no MariaDB or MySQL server"
    return None if rabbitmq.reachable() else "no RabbitMQ server that lets us make virtual hosts"


class Broken(AssertionError):
    """A promise was not kept."""


@dataclass
class Report:
    """What was seen."""

    payouts: int
    kills: int = 0
    bank_kills: int = 0
    retries: int = 0
    seconds: float = 0.0
    resolved_seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    paid_cents: int = 0


class Campaign:
    """One run over a folder of its own."""

    def __init__(
        self,
        folder: Path,
        payouts: int,
        seed: int,
        say: Callable[[str], None],
        least_kills: int = 10,
        worker: Sequence[str] = POPUG,
        faults: Mapping[str, int] = FAULTS,
        resolved_seconds: float = RESOLVED_SECONDS,
    ) -> None:
        """There are as many kills as `least_kills`, or some more; of two one is the bank's.

        `worker`: what stands in for `popug` there. `faults`: those of the bank, in a thousand
        calls. `resolved_seconds`: by when all must be settled once the bank behaves.
        """
        self._folder = folder
        self._least_kills = least_kills
        self._worker, self._bank_faults = worker, dict(faults)
        self._resolved_seconds = resolved_seconds
        self._random = random.Random(seed)
        self._say = say
        self.report = Report(payouts)
        ports = {name: free_port() for name in ("bank", "web", "worker")}
        self._ports = ports
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("POPUG_")},
            "POPUG_DATA": str(folder),
            "POPUG_BANK_URL": f"http://127.0.0.1:{ports['bank']}",
            "POPUG_BANK_KEY": SECRET,
            "POPUG_BANK_WEBHOOK_URL": f"http://127.0.0.1:{ports['web']}/webhooks/sandbox",
            "POPUG_GATEWAY_PATIENCE_SECONDS": "1",
            "POPUG_SERVICE_URL": "http://127.0.0.1:1/{service}",
            "POPUG_LOG_LEVEL": "ERROR",
        }

    def run(self) -> Report:
        """Live through it. Raises Broken."""
        began = time.monotonic()
        with self._system() as processes:
            self._fill()
            self._faults(self._bank_faults)
            self._strike(processes)
            self._persons_retry(RETRIED_AT_LAST)
            self._faults({})
            calm = time.monotonic()
            self._wait_until_settled(self._resolved_seconds)
            self.report.resolved_seconds = time.monotonic() - calm
            self._persons_retry_all()
            self._wait_until_settled(self._resolved_seconds)
            if processes.deaths:
                raise Broken(f"processes died by themselves: {processes.deaths}")
            self._check()
        self.report.seconds = time.monotonic() - began
        return self.report

    @contextmanager
    def _system(self) -> Iterator[Supervisor]:
        with ExitStack() as stack:
            place = stack.enter_context(mariadb.fresh_databases(["billing"]))
            vhost = stack.enter_context(rabbitmq.fresh_vhost())
            self._environment |= {"POPUG_DATABASE_URL": place, "POPUG_BROKER_URL": vhost}
            for command in (("make-keys", str(self._folder / "keys")), ("migrate", "billing")):
                done = popug_command(self._environment, *command)
                if done.returncode:
                    raise Broken(done.stderr)
            own = {k: v for k, v in self._environment.items() if k.startswith("POPUG_")}
            settings = load_settings(own)
            billing = stack.enter_context(opener(settings)("billing"))
            self._gateway, self._database = BankGateway(billing), billing.database
            processes = Supervisor(self._environment, self._folder / "popug.log")
            stack.callback(processes.stop)
            bind = {name: f"127.0.0.1:{port}" for name, port in self._ports.items()}
            processes.add("bank", [*POPUG, "bank", "--bind", bind["bank"]])
            processes.add(
                "web", [*POPUG, "web", "billing", "--bind", bind["web"], "--workers", "1"]
            )
            processes.add("worker", [*self._worker, "worker", "billing", "--bind", bind["worker"]])
            for name in bind:
                wait_for(partial(self._answers, name), name, 120)
            processes.watch()
            yield processes

    def _answers(self, name: str) -> bool:
        try:
            requests.get(f"http://127.0.0.1:{self._ports[name]}/healthz", timeout=2)
        except requests.RequestException:
            return False
        return True

    def _fill(self) -> None:
        people = [f"u{number:03}" for number in range(min(PEOPLE, self.report.payouts))]
        for person in people:
            self._database.run(commands.store_card, person, CARD)
        requests_ = [
            PayoutRequested(
                payout_id=f"p{number:05}",
                user_id=people[number % len(people)],
                date=FIRST_DAY + timedelta(days=number // len(people)),
                amount=self._random.randrange(100, 100_000),
                currency="USD",
            )
            for number in range(self.report.payouts)
        ]
        for start in range(0, len(requests_), 500):
            self._database.run(commands.take_requests, requests_[start : start + 500])

    def _strike(self, processes: Supervisor) -> None:
        """Kill again and again until nearly all have been sent."""
        enough = max(self.report.payouts // 100, 1)
        while (left := self._count(S.READY)) > enough:
            most = max(self.report.payouts // self._least_kills, 2)
            self._let_it_send(max(left - self._random.randrange(1, most), enough))
            # Chance might spare the bank in a short run.
            if self._random.random() < 0.2 or (self.report.kills and not self.report.bank_kills):
                processes.kill("bank")
                self.report.bank_kills += 1
            else:
                processes.kill("worker")
                self.report.kills += 1
            self._persons_retry(self._random.randrange(5))
            self._say(f"{self.report.kills} kills, {self._count(S.READY)} to be sent")

    def _let_it_send(self, until: int) -> None:
        """Wait until so many are left: a worker that is only ever starting proves nothing."""
        wait_for(lambda: self._count(S.READY) <= until, "the worker to send", 300)
        time.sleep(self._random.uniform(0.0, 0.3))  # anywhere in what it is at

    def _persons_retry(self, most: int) -> None:
        rows = select(models.payouts.c.id).where(models.payouts.c.status == S.FAILED).limit(most)
        for payout_id in self._database.read(lambda r: r.execute(rows).scalars().all()):
            try:
                self._database.run(commands.retry_payout, payout_id, "accountant")
            except (DatabaseAway, CannotRetry, Unsettled):
                continue
            self.report.retries += 1

    def _persons_retry_all(self) -> None:
        """Of what has failed every other is cancelled, and the rest sent again.

        Raises Broken if the bank has told of one that it was paid all the same.
        """
        rows = select(models.payouts.c.id).where(models.payouts.c.status == S.FAILED)
        for number, payout_id in enumerate(
            self._database.read(lambda r: r.execute(rows).scalars().all())
        ):
            try:
                if number % 2:
                    self._database.run(commands.cancel_payout, payout_id, "a test", "accountant")
                else:
                    self._database.run(commands.retry_payout, payout_id, "accountant")
                    self.report.retries += 1
            except Unsettled as paid:
                raise Broken(f"{payout_id} has failed, and was paid: {paid}") from paid

    def _faults(self, values: dict[str, int]) -> None:
        def put() -> bool:
            try:
                return requests.put(
                    f"http://127.0.0.1:{self._ports['bank']}/admin/faults",
                    json=values,
                    headers={"Authorization": f"Bearer {SECRET}"},
                    timeout=5,
                ).ok
            except requests.RequestException:
                return False

        wait_for(put, "the bank")

    def _count(self, *statuses: S) -> int:
        rows = select(func.count()).select_from(models.payouts)
        wanted = rows.where(models.payouts.c.status.in_(statuses))
        return int(self._database.read(lambda r: r.execute(wanted).scalar_one()))

    def _wait_until_settled(self, seconds: float) -> None:
        def settled() -> bool:
            unasked = select(func.count()).select_from(notices.gateway_notices)
            unasked = unasked.where(notices.gateway_notices.c.look_at.is_not(None))
            told = self._database.read(lambda r: r.execute(unasked).scalar_one())
            return not (self._bank_has_more() or told or self._count(*ON_THE_WAY))

        try:
            wait_for(settled, "the end of it all", seconds)
        except AssertionError as late:
            raise Broken(f"{self._count(*ON_THE_WAY)} are still on their way: {late}") from late

    def _bank_has_more(self) -> bool:
        with closing(sqlite3.connect(self._folder / "bank.db", timeout=30)) as bank:
            (to_tell,) = bank.execute("SELECT count(*) FROM notices").fetchone()
            changes = "SELECT count(*) FROM transfers WHERE changes_at IS NOT NULL"
            return bool(to_tell or bank.execute(changes).fetchone()[0])

    def _check(self) -> None:
        """By its own counting, then by the check that `popug reconcile` makes."""
        beginning, end = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
        asked = self._database.read(own_book.asked, gateway="sandbox")
        book = list(self._gateway.book(beginning, end))
        payouts = self._database.read(
            lambda r: [models.payout_of(row) for row in r.execute(select(models.payouts))]
        )
        self.report.statuses = Counter(payout.status.value for payout in payouts)
        if len(payouts) != self.report.payouts:
            raise Broken(f"{len(payouts)} payouts of {self.report.payouts}")
        paid: dict[str, list[Any]] = {}
        for line in book:
            if line.status == "paid":
                paid.setdefault(line.key.partition(".")[0], []).append(line)
        for payout in payouts:
            self._check_one(payout, paid.pop(payout.idempotency_key, []))
        if paid:
            raise Broken(f"the bank has paid what nobody asked for: {list(paid)[:5]}")
        wrong = own_book.differences_with(self._database, "sandbox", asked, book)
        if wrong:
            raise Broken(f"the books differ: {wrong[:5]}")
        if self._database.read(claims.count_open) != self._count(S.NEEDS_PERSON):
            raise Broken("what the bank says does not fit, and no payout waits for a person")

    def _check_one(self, payout: Any, lines: list[Any]) -> None:
        amounts = [line.amount for line in lines]
        if payout.status is S.SUCCEEDED:
            self.report.paid_cents += payout.amount
            if amounts != [payout.amount] or lines[0].reference != payout.gateway_ref:
                raise Broken(f"{payout} was paid {amounts}")
        elif payout.status is S.NEEDS_PERSON:
            if payout.reason != answers.WRONG_AMOUNT or len(amounts) > 1:
                raise Broken(f"{payout} waits for a person; paid {amounts}")
        elif amounts:
            raise Broken(f"{payout} was paid {amounts}")

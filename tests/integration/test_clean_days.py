"""Business days as they are, with all that goes wrong by itself, raise no difference.

A checker that cries wolf is not read. `make clean-days` lives through a thousand days.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing import reconciliation
from billing.domain import PayoutStatus
from billing.domain_cards import CardNumber
from billing.gateway import Answer, AnswerLost, BookLine, Gateway, NotFound
from billing.gateways import GATEWAYS
from chassis.runtime import Runtime
from popug.invariants import Views, all_invariants
from popug.payout_books import payouts_agree
from tests.support import Workbench

GOOD_CARDS = ("4242424242424242", "5555555555554444", "4539578763621486")
DECLINED = "4000000000000002"
CHECK_EVERY = 10
# A commit on a server takes longer, and it need not tell anything else of a day.
SLOWER = 4


class Flaky:
    """A gateway whose answers get lost, before it has paid or after."""

    def __init__(self, gateway: Gateway, chance: random.Random) -> None:
        self._gateway = gateway
        self._chance = chance
        self.name = gateway.name
        self.patience_seconds = gateway.patience_seconds
        self.key_lifetime = gateway.key_lifetime
        self.account = gateway.account

    def pay(self, key: str, amount: int, currency: str, card_number: CardNumber) -> Answer:
        fate = self._chance.random()
        if fate < 0.1:
            raise AnswerLost("nothing has arrived")
        answer = self._gateway.pay(key, amount, currency, card_number)
        if fate < 0.2:
            raise AnswerLost("the answer has not arrived")
        return answer

    def ask(self, key: str, reference: str | None = None) -> Answer | NotFound:
        return self._gateway.ask(key, reference)

    def book(self, since: datetime, until: datetime) -> Iterable[BookLine]:
        return self._gateway.book(since, until)


class Life:
    """A company whose popugs work, change their cards, are paid and are not."""

    def __init__(self, bench: Workbench, chance: random.Random) -> None:
        self.bench = bench
        self.chance = chance
        self.happened: Counter[str] = Counter()
        self.popugs = [self._hire(name) for name in ("ann", "bob", "cid")]

    def live_a_day(self) -> None:
        """Work until the evening; the night; then what accountants do in the morning."""
        for _ in range(self.chance.randint(1, 3)):
            self._do_a_task()
        if self.chance.random() < 0.7:
            self.bench.settle()
        else:
            self.happened["events of this day come after it is closed"] += 1
            self._close_the_day_before_they_come()
        self.bench.clock.advance(days=1)
        self.bench.settle()
        self._change_a_card()
        self._look_after_payouts()
        for _ in range(3):  # what is unknown is asked for, what is put off is sent
            self.bench.clock.advance(minutes=10)
            self.bench.settle()

    def _do_a_task(self) -> None:
        task = self._ask("POST", "/tasks/api/v1/tasks", "manager", title="Paint the cage")
        if self.chance.random() < 0.8:
            path = f"/tasks/api/v1/tasks/{task['id']}/close"
            self._ask("POST", path, by=task["assignee_id"])

    def _close_the_day_before_they_come(self) -> None:
        accounts = self.bench.runtime("accounts")
        today = accounts.database.read(lambda reading: reading.today)
        self._ask("POST", f"/accounts/api/v1/days/{today}/close", "accountant")

    def _change_a_card(self) -> None:
        popug, path = self.chance.choice(self.popugs), "/billing/api/v1/cards/me"
        fate = self.chance.random()
        if fate < 0.1:
            self._ask("DELETE", path, by=popug)
        elif fate < 0.6:
            number = DECLINED if fate < 0.2 else self.chance.choice(GOOD_CARDS)
            self._ask("PUT", path, by=popug, card_number=number)

    def _look_after_payouts(self) -> None:
        for status in ("failed", "waiting_for_card"):
            found = self._ask("GET", f"/billing/api/v1/payouts?status={status}", "accountant")
            for payout in found["items"]:
                self.happened[status] += 1
                path = f"/billing/api/v1/payouts/{payout['id']}"
                fate = self.chance.random()
                if fate < 0.3:
                    self.happened["cancelled"] += 1
                    self._ask("POST", f"{path}/cancel", "accountant", reason="he asked for it")
                elif status == "failed" and fate < 0.8:
                    self.happened["sent again"] += 1
                    self._ask("POST", f"{path}/retry", "accountant")

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

    def _ask(self, method: str, path: str, who: str = "worker", by: str = "", **body: Any) -> Any:
        answer = self.bench.client(who, by or None).open(path, method=method, json=body or None)
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        return answer.get_json(silent=True)


def _flaky(
    make: Callable[[Runtime], Gateway], chance: random.Random
) -> Callable[[Runtime], Gateway]:
    return lambda runtime: Flaky(make(runtime), chance)


@pytest.fixture
def bench(either_engine: Workbench) -> Workbench:
    return either_engine


def test_clean_days_raise_no_difference(
    bench: Workbench, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = int(pytestconfig.getoption("clean_days"))
    if bench.runtime("billing").database.locks_rows:
        days //= SLOWER
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    monkeypatch.setitem(GATEWAYS, "sandbox", _flaky(GATEWAYS["sandbox"], chance))
    life = Life(bench, chance)
    for number in range(1, days + 1):
        life.live_a_day()
        if number % CHECK_EVERY == 0 or number == days:
            _nothing_differs(bench)
    broken = [f for f in all_invariants(Views(bench.embedded.runtimes)) if not f.ok]
    assert broken == []
    _it_was_no_idyll(bench, life, days)


def _nothing_differs(bench: Workbench) -> None:
    runtimes = bench.embedded.runtimes
    assert [finding for finding in payouts_agree(runtimes) if not finding.ok] == []
    today = runtimes["billing"].database.read(lambda reading: reading.today)
    looked = reconciliation.look(runtimes["billing"], today - timedelta(days=CHECK_EVERY), today)
    assert (looked.found, looked.unread, looked.last) == ([], set(), today)


def _it_was_no_idyll(bench: Workbench, life: Life, days: int) -> None:
    """All that may go wrong has happened, in a long life at least."""
    moves = bench.runtime("billing").database.read(
        lambda reading: set(
            reading.connection.exec_driver_sql(
                "SELECT DISTINCT to_status FROM payout_transitions"
            ).scalars()
        )
    )
    assert moves
    if days >= 100:
        assert set(PayoutStatus) - {PayoutStatus.NEEDS_PERSON} <= moves
        for what in ("cancelled", "sent again", "events of this day come after it is closed"):
            assert life.happened[what] > 0, what

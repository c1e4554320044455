"""The world of the payout machine: billing, a bank, popugs, persons and senders at work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis.stateful import RuleBasedStateMachine

import billing
from billing import asking, models, notices
from billing.claims import payout_claims
from billing.domain import Payout
from billing.gateway import Notice
from billing.gateways import GATEWAYS
from billing.sending import Sender, send_payouts
from chassis.outbox import outbox
from tests import mariadb
from tests.integration.billing import payout_model
from tests.integration.billing.moody_bank import Entry, MoodyBank
from tests.integration.billing.stepped import SteppedSender
from tests.support import Workbench

EMPTIED = (
    models.payouts, models.cards, payout_claims, notices.gateway_notices, asking.payout_askings,
    outbox,
)  # fmt: skip


class PayoutWorld(RuleBasedStateMachine):
    """What there is, and how a run begins and ends; what may happen is in `payout_machine`.

    The tables are emptied before each example but what nobody can delete, the history and
    what has come back: the ids are new ones each time.
    """

    bench: Workbench
    examples = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).examples += 1
        self.runtime = self.bench.runtime("billing")
        self.database = self.runtime.database
        self.clock = self.bench.clock
        self.bank = MoodyBank(self.clock)
        GATEWAYS["sandbox"] = lambda _runtime: self.bank
        self.users: list[str] = []
        self.senders: list[SteppedSender] = []
        self.sound = True
        self.database.run(_empty)

    def teardown(self) -> None:
        for sender in self.senders:
            sender.kill()
        if self.sound:
            self._come_to_an_end()

    def _come_to_an_end(self) -> None:
        """Everything arrives, the bank is well and tells all, and two days pass."""
        for call in list(self.bank.on_the_way):
            self.bank.arrive(call)
        for entry in self.bank.entries:
            entry.status = "paid" if entry.status == "begun" else entry.status
        for seconds in (150, 150, 150, 90_000, 150, 150):
            self.clock.advance(seconds=seconds)
            while send_payouts(self.runtime):
                pass
        for entry in self.bank.entries:
            self._tell(entry)
        seen = self.database.read(payout_model.look)
        payout_model.check(seen, self.bank, self.clock.now())
        payout_model.check_end(seen, self.bank)

    def _tell(self, entry: Entry) -> None:
        notice = Notice(entry.key, entry.reference, entry.status)
        notices.keep(self.database, "sandbox", notice)
        for kept in self.database.read(notices.due, 50):
            assert Sender(self.runtime).follow_up(kept)
        if entry.status == "returned":
            self.bank.told_back.add(entry.reference)

    def _person(
        self,
        command: Callable[..., Any],
        n: int,
        refusal: type[Exception] | tuple[type[Exception], ...],
        may: bool,
        *said: Any,
    ) -> None:
        try:
            self.database.run(command, f"p-{self._user(n)}", *said, "boss")
        except refusal:
            assert not may, "a person was kept from what he may do"
        else:
            assert may, "a person could do what he may not"

    def _unsettled(self, n: int) -> bool:
        """Whether the bank has told of a payment about which nobody has said anything."""
        seen = self.database.read(payout_model.look)
        payout = self.database.read(models.payout, f"p-{self._user(n)}")
        return bool(payout_model.told_of(seen, payout) & seen.unsettled)

    def _may_say(self, payout: Payout, reference: str | None) -> bool:
        """Whether a person may say that it was paid so, or (None) that it was not."""
        seen = self.database.read(payout_model.look)
        if reference is None and payout_model.told_of(seen, payout):
            return False
        said_by_a_person = seen.history[payout.id][-1].by == "boss"
        may_be_back = payout.id in seen.may_be_back and said_by_a_person and reference is None
        return payout.status == "needs_person" or (payout.status == "succeeded" and may_be_back)

    def _entries(self, status: str, n: int) -> list[Entry]:
        found = [entry for entry in self.bank.entries if entry.status == status]
        return found[n % len(found) :][:1] if found else []

    def _whose(self, entry: Entry) -> str:
        seen = self.database.read(payout_model.look)
        base = entry.key.partition(".")[0]
        return str(next(p.id for p in seen.payouts if p.idempotency_key == base))

    def _status(self, n: int) -> str:
        return self.database.read(models.payout, f"p-{self._user(n)}").status

    def _stands(self, status: str) -> bool:
        seen = self.database.read(payout_model.look)
        return any(payout.status == status for payout in seen.payouts)

    def _user(self, n: int) -> str:
        return self.users[n % len(self.users)]

    def _dismiss(self) -> None:
        self.senders = [sender for sender in self.senders if not sender.done]


def _empty(tx: Any) -> None:
    for table in EMPTIED:
        tx.execute(table.delete())


@contextmanager
def at_work(engine: str, folder: Path) -> Iterator[Workbench]:
    """Billing on SQLite or MariaDB; the sandbox's place among the gateways is given back."""
    if engine == "sqlite":
        yield from _closing(Workbench(folder, billing.service))
        return
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.fresh_databases(["billing"]) as url:
        yield from _closing(Workbench(folder, billing.service, database_url=url))


def _closing(made: Workbench) -> Iterator[Workbench]:
    sandbox = GATEWAYS["sandbox"]
    yield made
    GATEWAYS["sandbox"] = sandbox
    made.close()

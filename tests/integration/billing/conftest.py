"""A desk for billing's tests: the service at work, and short ways to what is asked of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import Client

import billing
from billing import checks, listing
from billing.commands import SEND_PAYOUTS
from billing.gateway import BookLine
from billing.gateways.bank import BankGateway
from chassis.checks import Finding
from chassis.database import Database
from chassis.runtime import Runtime
from contracts.accounts import PayoutRequested
from tests.support import Workbench

GOOD_CARD = "4242424242424242"
OTHER_CARD = "5555555555554444"
DECLINED_CARD = "4000000000000002"
YESTERDAY = date(2026, 3, 9)
EVER = datetime(2000, 1, 1, tzinfo=UTC)
A_DAY = timedelta(days=1)
API = "/billing/api/v1"


class Desk:
    """Billing alone, with auth faked."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        people: list[Mapping[str, Any]] = [
            {"id": who, "name": who.title()} for who in ("ann", "bob", "cid", "dan")
        ]
        bench.fakes["auth"].lists["/api/v1/users"] = people

    @property
    def runtime(self) -> Runtime:
        return self.bench.runtime("billing")

    def person(self, user_id: str = "ann", role: str = "worker") -> Client:
        return self.bench.client(role, user_id)

    @property
    def accountant(self) -> Client:
        return self.bench.client("accountant")

    def store_card(self, user_id: str = "ann", number: str = GOOD_CARD) -> None:
        answer = self.person(user_id).put(f"{API}/cards/me", json={"card_number": number})
        assert answer.status_code == 200, answer.text

    def request(
        self,
        payout_id: str = "p1",
        user_id: str = "ann",
        amount: int = 1_250,
        day: date = YESTERDAY,
    ) -> None:
        currency = self.runtime.settings.currency
        self.bench.hear(requested(payout_id, user_id, amount, day, currency))

    def run_job(self, name: str = SEND_PAYOUTS) -> bool:
        (job,) = [job for job in self.runtime.service.jobs if job.name == name]
        return job.run(self.runtime)

    def work(self) -> None:
        """Run the job until it has nothing more to do; events stay in the outbox."""
        while self.run_job():
            pass

    def payout(self, payout_id: str = "p1") -> dict[str, Any]:
        answer = self.accountant.get(f"{API}/payouts/{payout_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json())

    def status(self, payout_id: str = "p1") -> str:
        return str(self.payout(payout_id)["status"])

    def book(self) -> list[BookLine]:
        """All of the bank's book."""
        return list(BankGateway(self.runtime).book(EVER, self.bench.clock.now() + A_DAY))

    @property
    def banks_own(self) -> Database:
        """The file of the bank in this process, which no part of Popug opens."""
        file = self.bench.settings.data / "bank.db"
        return Database(f"sqlite:///{file}", self.bench.clock, self.bench.settings, "/bank")

    def check(self) -> Finding:
        (check,) = checks.run(self.runtime)
        return check

    def moves(self, payout_id: str = "p1") -> list[str]:
        rows = self.runtime.database.read(listing.history, payout_id)
        return [row.to_status for row in rows]

    def said(self) -> list[tuple[str, str]]:
        """The events in the outbox: the last word of the type, and the payout."""
        return [
            (event.type.split(".")[2].removeprefix("payout_"), event.payout_id)
            for event in self.bench.emitted("billing")
        ]

    def table(self, table: Any) -> Sequence[Any]:
        return self.runtime.database.read(lambda reading: reading.execute(select(table)).all())


def requested(
    payout_id: str = "p1",
    user_id: str = "ann",
    amount: int = 1_250,
    day: date = YESTERDAY,
    currency: str = "USD",
) -> PayoutRequested:
    return PayoutRequested(
        payout_id=payout_id, user_id=user_id, date=day, amount=amount, currency=currency
    )


@pytest.fixture
def desk(workbench: Callable[..., Workbench]) -> Desk:
    return Desk(workbench(billing.service))

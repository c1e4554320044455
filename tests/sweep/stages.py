"""The story that is swept: money moves in every kind of entry, one step after the other.

A task is made, reassigned and closed, another one shuffled; the ledger hears of it; a fee
is reversed; the day is closed; billing pays one popug and cancels what the other was to
get; the letters are written; two nights pass, and what came back is paid again; events that
nobody can apply are parked. A step is what a
person asks for, or what a worker does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from accounts.models import entries
from billing.models import payouts
from chassis.events import Envelope, encode
from contracts.auth import AccessChanged
from contracts.billing import PayoutCancelled
from tests.support import NOON
from tests.sweep.company import CONFLICT, MADE, OK, Company

TASK = "[POPUG-1] Paint the cage"


@dataclass(frozen=True)
class Step:
    """`act` does it. What a person asks for is done `again` by him if he got no answer.

    `in_pieces`: it is more than one commit, and whole only when it was done again.
    """

    name: str
    act: Callable[[Company], Any]
    again: Callable[[Company], Any] | None = None
    in_pieces: bool = False


def create(company: Company, title: str = TASK) -> None:
    company.make(title)


def reassign(company: Company, title: str = TASK) -> None:
    company.give(title, "bob")


def reassign_again(company: Company, title: str = TASK) -> None:
    """It has no key: who got no answer looks who has the task now."""
    task = company.ask("manager", "GET", company.task(title)).get_json()
    if task["assignee_id"] != company.ids["bob"]:
        reassign(company, title)


def close(company: Company, title: str = TASK) -> None:
    company.close(title, "bob")


def close_again(company: Company, title: str = TASK) -> None:
    company.close(title, "bob", OK, CONFLICT)
    assert company.ask("bob", "GET", company.task(title)).get_json()["status"] == "closed"


def shuffle(company: Company) -> None:
    headers = {"Idempotency-Key": "two"}
    company.ask("manager", "POST", "/tasks/api/v1/shuffles", headers=headers)


def reverse(company: Company, *good: int) -> None:
    query = select(entries.c.transaction_id).where(
        entries.c.kind == "fee", entries.c.side == "popug", entries.c.user_id == company.ids["bob"]
    )
    undone = company.one("accounts", query.order_by(entries.c.position).limit(1))
    body = {"transaction_id": undone, "reason": "a mistake"}
    company.ask("accountant", "POST", "/accounts/api/v1/reversals", *good, json=body)


def close_day(company: Company) -> None:
    company.ask("accountant", "POST", f"/accounts/api/v1/days/{NOON.date()}/close")


def night(company: Company) -> None:
    """The clock closes the days that are over: what came back is paid for the first of them."""
    company.bench.clock.put(NOON + timedelta(days=2))
    company.work("accounts")


def cancel(company: Company, *good: int) -> None:
    query = select(payouts.c.id).where(payouts.c.user_id == company.ids["bob"])
    path = f"/billing/api/v1/payouts/{company.one('billing', query)}/cancel"
    company.ask("accountant", "POST", path, *good, json={"reason": "he left"})


def deliver_bad(company: Company) -> None:
    """A batch with two events that are parked, for two reasons, and a good one."""
    told = AccessChanged(user_id=company.ids["ann"], role="worker", active=True, epoch=9)
    unknown = PayoutCancelled(payout_id="p", user_id="u", date=NOON.date(), amount=1)
    envelopes: list[Envelope[Any]] = [
        Envelope("e-1", "/popug/auth", NOON, told),
        Envelope("e-2", "/popug/billing", NOON, unknown),
    ]
    bodies = [b'{"specversion": "1.0"}', *(encode(envelope) for envelope in envelopes)]
    company.bench.runtime("accounts").consumer.deliver(bodies)


def relaying(service: str) -> Step:
    return Step(f"relay of {service}", lambda company: company.relay(service))


def jobs(service: str) -> Step:
    return Step(f"jobs of {service}", lambda company: company.work(service))


STEPS = (
    Step("create", create, create),
    Step("reassign", reassign, reassign_again),
    Step("close", close, close_again),
    relaying("tasks"),
    Step("shuffle", shuffle, shuffle),
    jobs("tasks"),
    relaying("tasks"),
    Step("reverse", reverse, lambda company: reverse(company, MADE, CONFLICT)),
    Step("close the day", close_day, close_day),
    relaying("accounts"),
    jobs("billing"),
    Step("cancel", cancel, lambda company: cancel(company, OK, CONFLICT)),
    relaying("billing"),
    relaying("accounts"),
    jobs("mailer"),
    # The worker, or the nightly run beside it, looks again at its next start.
    Step("night", night, night),
    # A broker delivers again what was not taken.
    Step("park", deliver_bad, deliver_bad, in_pieces=True),
)

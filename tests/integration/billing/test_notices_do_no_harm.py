"""What a gateway tells, and says when it is asked, stops no payout, whatever it is."""

import json
import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from billing import answers, notices, sending
from billing.gateway import Accepted, AnswerLost, Notice, Returned
from billing.gateways import GATEWAYS
from billing.gateways.bank import BankGateway
from billing.gateways.calls import Whole
from chassis.database import DatabaseAway
from tests.integration.billing.conftest import OTHER_CARD, Desk
from tests.integration.billing.test_exactly_once import Bank, bank

__all__ = ["bank"]

DEEP = b"[" * 100_000
# What the bank may say in the place of what it says; `DEEP` is no JSON that can be read.
WRONG: dict[str, dict[str, Any]] = {
    "an endless amount": {"amount": float("inf")},
    "more than a column holds": {"amount": 10**30},
    "less than nothing": {"amount": -1},
    "parts of a cent": {"amount": 12.5},
    "yes for an amount": {"amount": True},
    "a reference that is too long": {"reference": "R" * 192},
    "a reference that is not ASCII": {"reference": "№ 7"},
    "no reference": {"reference": None},
    "no end of brackets": {},
}


def told_of(desk: Desk) -> Notice:
    """The payout p1 is paid, and the bank tells of it."""
    desk.store_card()
    desk.request()
    desk.work()
    (line,) = desk.book()
    notice = Notice(line.key, line.reference, "returned")
    assert notices.keep(desk.runtime.database, "sandbox", notice)
    return notice


def another(desk: Desk, payout_id: str = "p2") -> None:
    desk.store_card("bob", OTHER_CARD)
    desk.request(payout_id, "bob")


@pytest.mark.parametrize("wrong", WRONG)
def test_an_answer_that_cannot_be_kept_is_none(
    desk: Desk, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = told_of(desk)
    true_call = BankGateway.call

    def call(self: BankGateway, method: str, path: str, **more: Any) -> Any:
        answer = true_call(self, method, path, **more)
        if "/v1/transfers/" not in path:
            return answer
        said = WRONG[wrong]
        return Whole(200, json.dumps(answer.json() | said).encode() if said else DEEP)

    monkeypatch.setattr(BankGateway, "call", call)
    with pytest.raises(AnswerLost):
        BankGateway(desk.runtime).ask(notice.key, notice.reference)
    another(desk)
    desk.work()
    assert (desk.status(), desk.status("p2")) == ("succeeded", "succeeded")
    monkeypatch.setattr(BankGateway, "call", true_call)
    desk.bench.clock.advance(minutes=1)
    desk.work()
    (kept,) = desk.table(notices.gateway_notices)
    assert kept.look_at is None


def test_a_notice_that_cannot_be_followed_waits_for_longer_each_time_and_is_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_of(desk)
    another(desk)

    def broken(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(BankGateway, "ask", broken)
    with capture_logs() as logged:
        assert desk.run_job()
    assert desk.status("p2") == "succeeded"
    assert [line["log_level"] for line in logged if "could not be asked" in line["event"]] == [
        "error"
    ]
    pauses = []
    for _ in range(4):
        (kept,) = desk.table(notices.gateway_notices)
        pauses.append((kept.look_at - desk.bench.clock.now()).total_seconds())
        desk.bench.clock.put(kept.look_at)
        assert not desk.run_job()
    assert pauses == [20, 20, 40, 80]


def test_a_notice_of_a_gateway_that_is_no_more_stops_nothing(
    desk: Desk, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.work()
    (line,) = desk.book()
    notices.keep(desk.runtime.database, "sandbox", Notice(line.key, line.reference, "returned"))
    desk.runtime.database.run(
        lambda tx: tx.execute(notices.gateway_notices.update().values(gateway="gone"))
    )
    another(desk)
    desk.work()
    assert desk.status("p2") == "succeeded"


def test_a_database_that_is_away_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    told_of(desk)

    def away(*_: Any) -> None:
        raise DatabaseAway

    monkeypatch.setattr(notices, "follow_up", away)
    with pytest.raises(DatabaseAway):
        desk.run_job()


def test_many_slow_questions_hold_up_no_payout(
    desk: Desk, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question takes so long that all of them, one after the other, would take minutes."""
    desk.work()
    (line,) = desk.book()
    for n in range(50):
        notices.keep(desk.runtime.database, "sandbox", Notice(line.key, f"SBX-{n}", "returned"))
    another(desk)
    order: list[str] = []

    def slow(call: str) -> None:
        order.append(call)
        if call == "ask":
            time.sleep(0.05)
            raise AnswerLost

    monkeypatch.setitem(GATEWAYS, "sandbox", lambda _: bank)
    bank.before = slow
    desk.run_job()
    assert desk.status("p2") == "succeeded"
    assert order.count("ask") <= sending.SENDERS


@pytest.mark.parametrize("reason", ["half \ud83d", "nothing \0 here"])
def test_a_reason_that_no_database_takes_is_kept_without_what_it_cannot_be(
    desk: Desk, bank: Bank, reason: str
) -> None:
    desk.work()
    (line,) = desk.book()
    run = desk.runtime.database.run
    assert run(answers.record_returned, "p1", Returned(line.reference, reason), line.key)
    assert desk.payout()["reason"].startswith("returned by the bank: ")
    assert run(answers.record_paid, "p1", Accepted(line.reference, 1_250), line.key) is None

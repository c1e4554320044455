"""A person has the bank asked again: what was told and lost is learned, and can be acted on."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bank import faults
from billing import answers, asking, claims
from billing.gateway import Accepted, AnotherKey, AnswerLost, NotFound, Refused
from billing.gateways.bank import BankGateway
from chassis.events import Event
from contracts.billing import PayoutFailed
from tests.integration.billing.conftest import API, OTHER_CARD, Desk
from tests.integration.billing.test_exactly_once import Bank, bank, loses, nothing

__all__ = ["bank"]

BACK = "returned by the bank: account closed"


def ask(desk: Desk, payout_id: str = "p1", page: bool = False) -> int:
    path = f"/billing/payouts/{payout_id}/ask" if page else f"{API}/payouts/{payout_id}/ask"
    return desk.accountant.post(path).status_code


def askings(desk: Desk) -> list[tuple[str, str | None, bool]]:
    found = desk.runtime.database.read(asking.of_payout, "p1")
    return [(each.by, each.answer, each.look_at is None) for each in found]


def money_comes_back_and_nobody_is_told(desk: Desk) -> str:
    """Gives the reference. The bank's notice is lost, and it tells no more."""
    (line,) = [line for line in desk.book() if line.status == "paid"]
    BankGateway(desk.runtime).call("POST", f"/admin/transfers/{line.reference}/return")
    for _ in range(3):
        desk.bench.clock.advance(hours=8)
        desk.work()
    assert desk.status() == "succeeded", "nobody asks of what has succeeded"
    return line.reference


@pytest.fixture
def paid(desk: Desk) -> Desk:
    """The payout p1 is paid."""
    desk.store_card()
    desk.request()
    desk.work()
    return desk


@pytest.mark.parametrize("page", [True, False])
@pytest.mark.parametrize("then", ["retry", "cancel"])
def test_money_that_came_back_unheard_is_learned_and_the_payout_can_go_on(
    paid: Desk, page: bool, then: str
) -> None:
    money_comes_back_and_nobody_is_told(paid)
    assert "Succeeded, but not in the bank" in reconciliation(paid)
    assert ask(paid, page=page) == (303 if page else 202)
    assert paid.status() == "succeeded", "no bank is called in the request"
    paid.work()
    assert (paid.status(), paid.payout()["reason"]) == ("failed", BACK)
    failed = paid.bench.emitted()[-1]
    assert isinstance(failed, PayoutFailed)
    assert failed.returned
    assert askings(paid) == [("u-accountant", "returned", True)]
    answer = paid.accountant.post(f"{API}/payouts/p1/{then}", json={"reason": "it came back"})
    assert answer.status_code == 200
    paid.work()
    assert paid.status() == ("succeeded" if then == "retry" else "cancelled")
    assert paid.check().ok


def reconciliation(desk: Desk) -> str:
    asked = {"from": "2026-03-09", "to": "2026-03-09"}
    return desk.accountant.get("/billing/reconciliation", query_string=asked).text


def test_what_is_still_paid_stays_so_and_the_page_says_who_asked_and_what_came(
    paid: Desk,
) -> None:
    before = paid.payout(), paid.said()
    page = paid.accountant.get("/billing/payouts/p1").text
    assert "Ask the bank again" in page and "has asked the bank" not in page
    assert ask(paid) == 202
    assert "it has not answered yet" in paid.accountant.get("/billing/payouts/p1").text
    paid.work()
    assert (paid.payout(), paid.said()) == before
    assert "it says that it has paid" in paid.accountant.get("/billing/payouts/p1").text
    mine = paid.person().get("/billing/payouts/p1").text
    assert "has asked the bank" not in mine and "Ask the bank again" not in mine


def test_one_question_waits_at_a_time_and_asking_again_hurries_it(paid: Desk) -> None:
    bank_of = BankGateway(paid.runtime)
    bank_of.call("PUT", "/admin/faults", json={faults.ASK_ERROR: 1000})
    assert [ask(paid), ask(paid)] == [202, 202]
    pauses = []
    for _ in range(6):
        assert not paid.run_job()
        (kept,) = paid.table(asking.payout_askings)
        pauses.append((kept.look_at - paid.bench.clock.now()).total_seconds())
        paid.bench.clock.put(kept.look_at)
    assert pauses == [20, 20, 40, 80, 160, 320]
    assert not paid.run_job()
    bank_of.call("PUT", "/admin/faults", json={})
    assert not paid.run_job()
    assert ask(paid) == 202
    assert paid.run_job()
    assert askings(paid) == [("u-accountant", "paid", True)]
    assert ask(paid) == 202
    assert len(askings(paid)) == 2


def test_a_bank_that_does_not_answer_for_a_day_is_given_up(paid: Desk) -> None:
    BankGateway(paid.runtime).call("PUT", "/admin/faults", json={faults.ASK_ERROR: 1000})
    ask(paid)
    for _ in range(2):
        paid.run_job()
        paid.bench.clock.advance(days=1)
    assert askings(paid) == [("u-accountant", "no_answer", True)]
    assert "ask it again when it is well" in paid.accountant.get("/billing/payouts/p1").text


def test_a_question_that_cannot_be_asked_stops_no_payout(
    paid: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(BankGateway, "ask", broken)
    ask(paid)
    paid.store_card("bob", OTHER_CARD)
    paid.request("p2", "bob")
    with capture_logs() as logged:
        paid.run_job()
    assert paid.status("p2") == "succeeded"
    assert [line["log_level"] for line in logged if "could not be asked" in line["event"]] == [
        "error"
    ]
    assert askings(paid) == [("u-accountant", None, False)]


def test_what_was_paid_under_an_older_key_is_found_by_that(desk: Desk, bank: Bank) -> None:
    """Refused, sent again under the next key, and paid after all under the first."""
    bank.answers = [Refused("declined", final=True)]
    desk.run_job()
    first = bank.calls[0][1]
    desk.accountant.post(f"{API}/payouts/p1/retry")
    paid_late = Accepted("SBX-9", 1_250)
    desk.runtime.database.run(answers.record_paid, "p1", paid_late, first)
    assert desk.status() == "succeeded"
    bank.calls.clear()
    bank.before = once(AnotherKey())
    bank.told = [NotFound(), paid_late]
    ask(desk)
    desk.work()
    assert [key for _, key in bank.calls] == [f"{first}.1", f"{first}.1", first]
    assert (desk.status(), askings(desk)[0][1]) == ("succeeded", "paid")


def once(error: Exception) -> Callable[[str], None]:
    left = [error]

    def fail(_: str) -> None:
        if left:
            raise left.pop()

    return fail


def test_a_reference_that_the_bank_does_not_know_leads_to_the_key(desk: Desk, bank: Bank) -> None:
    """A clerk has said that it was paid, under a reference with a slip of the pen."""
    bank.after = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = loses("ask", AnswerLost())
    desk.bench.clock.advance(hours=23)
    desk.work()
    bank.before = bank.after = nothing
    said = {"outcome": "paid", "reference": "SBX-typo", "reason": "asked"}
    assert desk.accountant.post(f"{API}/payouts/p1/decide", json=said).status_code == 200
    ask(desk)
    desk.work()
    assert askings(desk)[0][1] == "paid"
    (claim,) = desk.runtime.database.read(claims.of_payout, "p1")
    assert claim.reference == desk.book()[0].reference, "the books differ, and a person is told"


def test_what_waits_for_a_person_is_settled_by_the_banks_own_word(desk: Desk, bank: Bank) -> None:
    bank.after = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = loses("ask", AnswerLost())
    desk.bench.clock.advance(hours=23)
    desk.work()
    bank.before = bank.after = nothing
    assert desk.status() == "needs_person"
    assert ask(desk) == 202
    desk.work()
    assert desk.status() == "succeeded"
    assert desk.check().ok


def test_only_bookkeepers_may_and_only_where_there_is_something_to_ask(paid: Desk) -> None:
    path = f"{API}/payouts/p1/ask"
    assert paid.person().post(path).status_code == 403
    assert paid.bench.client().post(path).status_code == 401
    assert paid.person("boss", "manager").post("/billing/payouts/p1/ask").status_code == 403
    assert ask(paid, "p9") == 404
    paid.request("p2", "bob")
    answer = paid.accountant.post(f"{API}/payouts/p2/ask")
    assert (answer.status_code, answer.content_type) == (409, "application/problem+json")
    assert "waiting_for_card" in answer.get_json()["detail"]
    assert paid.table(asking.payout_askings) == []


def test_asking_emits_nothing_by_itself(paid: Desk) -> None:
    before: list[Event] = list(paid.bench.emitted())
    ask(paid)
    paid.work()
    assert list(paid.bench.emitted()) == before

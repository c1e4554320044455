"""Money that comes back: the payout has failed, and no older word makes it paid again."""

from datetime import date
from typing import Any

import pytest

from billing import answers, claims, commands, returns
from billing.domain import MoneyCameBack
from billing.gateway import Accepted, AnswerLost, Refused, Returned
from contracts.billing import PayoutFailed
from tests.integration.billing.conftest import API, Desk
from tests.integration.billing.test_exactly_once import Bank, bank, loses, nothing

__all__ = ["bank"]

BACK = "returned by the bank: account closed"


def come_back(desk: Desk, reference: str, key: str | None = None) -> Any:
    run = desk.runtime.database.run
    return run(answers.record_returned, "p1", Returned(reference, "account closed"), key)


def say_paid(desk: Desk, reference: str, key: str | None = None) -> Any:
    run = desk.runtime.database.run
    return run(answers.record_paid, "p1", Accepted(reference, 1_250), key)


def ask_for(desk: Desk, what: str) -> None:
    answer = desk.accountant.post(f"{API}/payouts/p1/{what}", json={"reason": "no account"})
    assert answer.status_code == 200, answer.text


def open_claims(desk: Desk) -> list[str]:
    found = desk.runtime.database.read(claims.of_payout, "p1")
    return [claim.reference for claim in found if not claim.decided_at]


def paid_and_returned(desk: Desk, bank: Bank) -> tuple[str, str]:
    """Gives the key and the reference under which it was."""
    desk.work()
    (line,) = desk.book()
    assert come_back(desk, line.reference, line.key)
    return line.key, line.reference


def test_money_that_comes_back_fails_the_payout_once_and_says_so_once(
    desk: Desk, bank: Bank
) -> None:
    _, reference = paid_and_returned(desk, bank)
    assert come_back(desk, reference) is None
    assert (desk.payout()["reason"], desk.payout()["gateway_ref"]) == (BACK, reference)
    assert desk.bench.emitted()[-1] == PayoutFailed(
        payout_id="p1",
        user_id="ann",
        date=date(2026, 3, 9),
        amount=1_250,
        reason=BACK,
        returned=True,
        failure=1,
    )
    assert desk.said() == [("succeeded", "p1"), ("failed", "p1")]
    page = desk.person().get("/billing/").text
    assert "The bank had paid it, and the money has come back" in page
    assert "returned by the bank" in page and "The bank has refused it" not in page


@pytest.mark.parametrize("then", [(), ("retry",), ("cancel",), ("retry", "cancel")])
def test_an_older_paid_moves_nothing_whatever_a_person_has_done_since(
    desk: Desk, bank: Bank, then: tuple[str, ...]
) -> None:
    key, reference = paid_and_returned(desk, bank)
    for what in then:
        ask_for(desk, what)
    before = desk.payout(), desk.said()
    assert say_paid(desk, reference, key) is None
    assert (desk.payout(), desk.said(), open_claims(desk)) == (*before, [])


def test_an_older_paid_moves_nothing_while_it_is_under_way_again(desk: Desk, bank: Bank) -> None:
    key, reference = paid_and_returned(desk, bank)
    ask_for(desk, "retry")
    bank.after = loses("pay", AnswerLost())
    desk.run_job()
    bank.after = nothing
    assert say_paid(desk, reference, key) is None
    assert (desk.status(), open_claims(desk)) == ("unknown", [])
    desk.bench.clock.advance(minutes=3)
    desk.work()
    assert say_paid(desk, reference, key) is None
    assert (desk.status(), desk.payout()["gateway_ref"]) == ("succeeded", desk.book()[1].reference)
    assert come_back(desk, reference, key) is None
    assert (desk.status(), open_claims(desk)) == ("succeeded", [])


@pytest.mark.parametrize("returned_first", [True, False])
@pytest.mark.parametrize("then", ["nothing", "retry", "cancel"])
def test_paid_and_returned_of_what_was_refused_end_the_same_in_either_order(
    desk: Desk, bank: Bank, returned_first: bool, then: str
) -> None:
    """The bank has refused, paid after all, and taken it back: we may hear of it in any order."""
    bank.answers = [Refused("declined", final=True)]
    desk.run_job()
    key = bank.calls[0][1]
    if then != "nothing":
        ask_for(desk, then)
    if returned_first:
        assert come_back(desk, "SBX-9", key) is None
        assert say_paid(desk, "SBX-9", key) is None
    else:
        say_paid(desk, "SBX-9", key)
        come_back(desk, "SBX-9", key)
    assert open_claims(desk) == []
    assert desk.status() in ("failed", "ready", "cancelled")
    assert desk.runtime.database.read(returns.of_payout, "p1") == ["SBX-9"]


def test_a_claim_about_money_that_comes_back_is_settled_by_that(desk: Desk, bank: Bank) -> None:
    bank.answers = [Refused("declined", final=True)]
    desk.run_job()
    ask_for(desk, "cancel")
    key = bank.calls[0][1]
    say_paid(desk, "SBX-9", key)
    say_paid(desk, "SBX-8", key)
    assert open_claims(desk) == ["SBX-9", "SBX-8"]
    come_back(desk, "SBX-9", key)
    assert open_claims(desk) == ["SBX-8"]
    assert BACK in desk.accountant.get("/billing/payouts/p1").text


@pytest.fixture
def mistyped(desk: Desk, bank: Bank) -> tuple[str, str]:
    """A person has said that p1 was paid, with a slip of the pen; gives key and true reference."""
    bank.after = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = loses("ask", AnswerLost())
    desk.bench.clock.advance(hours=23)
    desk.work()
    bank.before = bank.after = nothing
    said = {"outcome": "paid", "reference": "SBX-typo", "reason": "asked"}
    assert desk.accountant.post(f"{API}/payouts/p1/decide", json=said).status_code == 200
    (line,) = desk.book()
    return line.key, line.reference


@pytest.mark.parametrize("paid_is_heard", [True, False])
def test_money_back_under_another_reference_than_was_typed_is_for_a_person(
    desk: Desk, mistyped: tuple[str, str], paid_is_heard: bool
) -> None:
    key, reference = mistyped
    if paid_is_heard:
        say_paid(desk, reference, key)
    for _ in range(2):
        assert come_back(desk, reference, key) is None
    assert (desk.status(), open_claims(desk)) == ("succeeded", [reference])
    page = desk.accountant.get("/billing/payouts/p1").text
    assert "the bank has the money back" in page and "only the reference was mistyped" in page
    form = {"outcome": "not_paid", "reason": "I had mistyped it"}
    assert desk.accountant.post("/billing/payouts/p1/decide", data=form).status_code == 303
    assert (desk.status(), desk.payout()["gateway_ref"]) == ("failed", reference)
    failed = desk.bench.emitted()[-1]
    assert isinstance(failed, PayoutFailed)
    assert failed.returned
    assert (open_claims(desk), come_back(desk, reference, key)) == ([], None)
    ask_for(desk, "retry")


def test_a_person_may_find_that_it_is_other_money_that_came_back(
    desk: Desk, mistyped: tuple[str, str]
) -> None:
    key, reference = mistyped
    come_back(desk, reference, key)
    ask_for(desk, "settle")
    come_back(desk, reference, key)
    assert (desk.status(), open_claims(desk)) == ("succeeded", [])
    form = {"outcome": "not_paid", "reason": "on second thoughts"}
    assert desk.accountant.post(f"{API}/payouts/p1/decide", json=form).status_code == 409


def test_what_the_bank_itself_calls_paid_is_not_unsaid_by_another_reference(
    desk: Desk, bank: Bank
) -> None:
    desk.work()
    (line,) = desk.book()
    assert come_back(desk, "SBX-other", line.key) is None
    assert (desk.status(), open_claims(desk)) == ("succeeded", ["SBX-other"])
    assert "mistyped" not in desk.accountant.get("/billing/payouts/p1").text
    form = {"outcome": "not_paid", "reason": "it is back"}
    assert desk.accountant.post(f"{API}/payouts/p1/decide", json=form).status_code == 409
    ask_for(desk, "settle")
    assert open_claims(desk) == []


def test_each_failure_of_a_payout_has_its_number(desk: Desk, bank: Bank) -> None:
    bank.answers = [Refused("declined", final=True), Refused("declined", final=True)]
    desk.run_job()
    ask_for(desk, "retry")
    desk.run_job()
    ask_for(desk, "retry")
    paid_and_returned(desk, bank)
    failures = [each for each in desk.bench.emitted() if isinstance(each, PayoutFailed)]
    assert [(each.failure, each.returned) for each in failures] == [
        (1, False),
        (2, False),
        (3, True),
    ]


def test_a_person_cannot_say_that_it_was_paid_under_what_has_come_back(
    desk: Desk, bank: Bank
) -> None:
    _, reference = paid_and_returned(desk, bank)
    ask_for(desk, "retry")
    bank.before = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = nothing
    desk.bench.clock.advance(hours=23)
    desk.work()
    assert desk.status() == "needs_person"
    form = {"outcome": "paid", "reference": reference, "reason": "asked the bank"}
    answer = desk.accountant.post("/billing/payouts/p1/decide", data=form)
    assert (answer.status_code, desk.status()) == (409, "needs_person")
    assert "has come back" in answer.text
    with pytest.raises(MoneyCameBack):
        desk.runtime.database.run(commands.decide_payout, "p1", reference, "asked", "boss")

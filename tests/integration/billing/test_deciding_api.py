"""Programs say what became of a payout, and how a claim was settled, as the pages do."""

from typing import Any

import pytest

from billing import answers, claims
from billing.gateway import Accepted, AnswerLost, Refused
from tests.integration.billing.conftest import API, Desk
from tests.integration.billing.test_exactly_once import Bank, bank, loses, nothing

__all__ = ["bank"]

NOT_PAID = {"outcome": "not_paid", "reason": "the bank knows nothing of it"}


def post(desk: Desk, what: str, body: Any, payout_id: str = "p1") -> Any:
    return desk.accountant.post(f"{API}/payouts/{payout_id}/{what}", json=body)


@pytest.fixture
def undecided(desk: Desk, bank: Bank) -> Desk:
    """The payout p1 waits for a person; the bank has paid it."""
    bank.after = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = loses("ask", AnswerLost())
    desk.bench.clock.advance(hours=23)
    desk.work()
    bank.before = bank.after = nothing
    assert desk.status() == "needs_person"
    return desk


@pytest.fixture
def claimed(desk: Desk, bank: Bank) -> Desk:
    """The payout p1 is cancelled, and the bank says that it has paid it."""
    bank.answers = [Refused("declined", final=True)]
    desk.run_job()
    assert post(desk, "cancel", {"reason": "he left"}).status_code == 200
    key = bank.calls[0][1]
    desk.runtime.database.run(answers.record_paid, "p1", Accepted("SBX-9", 1_250), key)
    return desk


def test_it_was_paid(undecided: Desk) -> None:
    reference = undecided.book()[0].reference
    said = {"outcome": "paid", "reference": reference, "reason": "asked the bank"}
    answer = post(undecided, "decide", said)
    assert answer.status_code == 200
    assert (answer.get_json()["status"], answer.get_json()["gateway_ref"]) == (
        "succeeded",
        reference,
    )
    assert undecided.said() == [("succeeded", "p1")]
    again = post(undecided, "decide", said)
    assert (again.status_code, again.content_type) == (409, "application/problem+json")


def test_it_was_not_paid(undecided: Desk) -> None:
    answer = post(undecided, "decide", NOT_PAID)
    assert (answer.status_code, answer.get_json()["status"]) == (200, "failed")
    assert answer.get_json()["reason"] == NOT_PAID["reason"]
    assert post(undecided, "retry", None).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"outcome": "paid", "reason": "x"},
        {"outcome": "paid", "reference": "", "reason": "x"},
        {"outcome": "paid", "reference": "two words", "reason": "x"},
        {"outcome": "paid", "reference": "R" * 300, "reason": "x"},
        {"outcome": "paid", "reference": "R1", "reason": " "},
        {"outcome": "paid", "reference": "R1"},
        {"outcome": "perhaps", "reference": "R1", "reason": "x"},
        {"outcome": "not_paid", "reason": ""},
        {"outcome": "not_paid", "reason": "x" * 3_000},
        {"outcome": "not_paid", "reference": "R1", "reason": "x"},
        {**NOT_PAID, "by": "me"},
    ],
)
def test_what_says_nothing_clear_decides_nothing(undecided: Desk, body: Any) -> None:
    assert post(undecided, "decide", body).status_code == 422
    assert (undecided.status(), undecided.said()) == ("needs_person", [])


def test_a_claim_is_settled_once(claimed: Desk) -> None:
    answer = post(claimed, "settle", {"reason": "he gave it back"})
    assert (answer.status_code, answer.get_json()["status"]) == (200, "cancelled")
    (claim,) = claimed.runtime.database.read(claims.of_payout, "p1")
    assert (claim.decision, claim.decided_by) == ("he gave it back", "u-accountant")
    again = post(claimed, "settle", {"reason": "once more"})
    assert (again.status_code, again.content_type) == (409, "application/problem+json")
    (claim,) = claimed.runtime.database.read(claims.of_payout, "p1")
    assert claim.decision == "he gave it back"


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x", "outcome": "paid"}])
def test_a_claim_is_not_settled_without_a_reason(claimed: Desk, body: Any) -> None:
    assert post(claimed, "settle", body).status_code == 422
    (claim,) = claimed.runtime.database.read(claims.of_payout, "p1")
    assert claim.decided_at is None


@pytest.mark.parametrize(("what", "body"), [("decide", NOT_PAID), ("settle", {"reason": "x"})])
def test_only_bookkeepers_may_and_only_of_payouts_that_are(
    undecided: Desk, what: str, body: Any
) -> None:
    path = f"{API}/payouts/p1/{what}"
    assert undecided.person().post(path, json=body).status_code == 403
    assert undecided.bench.client().post(path, json=body).status_code == 401
    assert post(undecided, what, body, "p9").status_code == 404
    assert undecided.status() == "needs_person"

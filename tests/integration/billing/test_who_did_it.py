"""Who has moved a payout, asked the bank or settled a claim is shown to those who may do so."""

from collections.abc import Mapping
from typing import Any

import pytest

from billing import answers
from billing.gateway import Accepted
from contracts.roles import ACCOUNTANT
from tests.integration.billing.conftest import API, DECLINED_CARD, Desk
from tests.tables import page_rows

ADA: Mapping[str, Any] = {"id": "u-accountant", "name": "Ada the accountant"}
ANN: Mapping[str, Any] = {"id": "ann", "name": "Ann"}


@pytest.fixture
def refused(desk: Desk) -> Desk:
    """The payout p1 was made before there was a card, and refused."""
    desk.bench.fakes["auth"].lists["/api/v1/users"] = [ADA, ANN]
    desk.request()
    desk.store_card(number=DECLINED_CARD)
    desk.work()
    return desk


def who(desk: Desk) -> list[str]:
    rows = page_rows(desk.accountant.get("/billing/payouts/p1").text)
    return [row[2].strip() for row in rows]


def test_each_move_says_whose_it_was(refused: Desk) -> None:
    refused.accountant.post(f"{API}/payouts/p1/retry")
    assert who(refused) == ["the system", "Ann", "the system", "the bank", "Ada the accountant"]


def test_the_popug_sees_no_names_of_others(refused: Desk) -> None:
    refused.accountant.post(f"{API}/payouts/p1/retry")
    mine = refused.person().get("/billing/payouts/p1").text
    assert "Ada" not in mine
    assert {len(row) for row in page_rows(mine)} == {3}


def test_names_that_cannot_be_had_are_said_so(refused: Desk) -> None:
    refused.bench.fakes["auth"].lists["/api/v1/users"] = []
    assert who(refused) == ["the system", "name unavailable", "the system", "the bank"]


def test_a_settled_claim_and_a_question_say_by_whom(refused: Desk) -> None:
    payout = refused.accountant.post(f"{API}/payouts/p1/cancel", json={"reason": "he left"})
    assert payout.status_code == 200
    run = refused.runtime.database.run
    run(answers.record_paid, "p1", Accepted("SBX-9", 1_250))
    refused.accountant.post(f"{API}/payouts/p1/settle", json={"reason": "he gave it back"})
    page = refused.accountant.get("/billing/payouts/p1").text
    assert "by Ada the accountant: he gave it back" in page
    refused.store_card()
    refused.request("p2", day=refused.bench.clock.now().date())
    refused.work()
    refused.accountant.post(f"{API}/payouts/p2/ask")
    page = refused.bench.client(ACCOUNTANT).get("/billing/payouts/p2").text
    assert "Ada the accountant has asked the bank" in page

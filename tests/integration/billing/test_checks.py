"""The check of payouts against the bank's book finds what is planted (contract, section 7)."""

from typing import Any

import pytest

from bank.book import transfers as book
from billing import facts
from billing.models import payouts
from tests.integration.billing.conftest import YESTERDAY, Desk


@pytest.fixture
def paid(desk: Desk) -> Desk:
    """Payouts p1 (12.50) and p2 (3.00) are paid, p3 (0.05) waits."""
    desk.store_card("ann")
    desk.store_card("bob")
    desk.request("p1", "ann", 1_250)
    desk.request("p2", "bob", 300)
    desk.request("p3", "cid", 5)
    desk.work()
    return desk


def test_all_is_well(paid: Desk) -> None:
    assert paid.check().ok
    assert paid.check().detail == "2 payouts, 1550 cents"
    found = paid.runtime.database.read(lambda reading: list(facts.payouts(reading)))
    assert [(p.payout_id, p.user_id, p.date, p.amount, p.status.value) for p in found] == [
        ("p1", "ann", YESTERDAY, 1_250, "succeeded"),
        ("p2", "bob", YESTERDAY, 300, "succeeded"),
        ("p3", "cid", YESTERDAY, 5, "waiting_for_card"),
    ]


@pytest.mark.parametrize(
    ("plant", "what"),
    [
        (payouts.update().where(payouts.c.id == "p2").values(amount=299),
         "1 transfer amount differs: p2"),
        (payouts.update().where(payouts.c.id == "p2").values(status="failed"),
         "1 transfer of unpaid payout: p2"),
        (payouts.update().where(payouts.c.id == "p2").values(gateway_ref="x"),
         "1 reference differs: p2"),
        (payouts.update().where(payouts.c.id == "p3").values(status="succeeded"),
         "1 succeeded without transfer: p3"),
    ],
)  # fmt: skip
def test_a_difference_that_is_planted_here_is_found(paid: Desk, plant: Any, what: str) -> None:
    paid.runtime.database.run(lambda tx: tx.execute(plant))
    check = paid.check()
    assert not check.ok
    assert what in check.detail


@pytest.mark.parametrize(
    ("plant", "what"),
    [
        (book.delete().where(book.c.amount == 300), "1 succeeded without transfer: p2"),
        (book.update().where(book.c.amount == 300).values(amount=301),
         "1 transfer amount differs: p2"),
        (book.update().where(book.c.amount == 300).values(key="other"),
         "1 transfer without payout: other"),
    ],
)  # fmt: skip
def test_a_difference_that_is_planted_in_the_banks_book_is_found(
    paid: Desk, plant: Any, what: str
) -> None:
    paid.banks_own.run(lambda tx: tx.execute(plant))
    check = paid.check()
    assert not check.ok
    assert what in check.detail

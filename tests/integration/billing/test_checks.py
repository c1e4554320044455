"""The check of payouts against the bank's book finds what is planted (contract, section 7)."""

from collections.abc import Callable
from typing import Any

import pytest

from billing import facts
from billing.gateways.sandbox import sandbox_transfers as book
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
        (
            lambda tx: tx.execute(book.delete().where(book.c.amount == 300)),
            "p2: succeeded, but not",
        ),
        (
            lambda tx: tx.execute(book.update().where(book.c.amount == 300).values(amount=301)),
            "p2: 300 cents here, 301 in the bank's book",
        ),
        (
            lambda tx: tx.execute(payouts.update().where(payouts.c.id == "p2").values(amount=299)),
            "p2: 299 cents here, 300 in the bank's book",
        ),
        (
            lambda tx: tx.execute(
                payouts.update().where(payouts.c.id == "p2").values(status="failed")
            ),
            "p2: failed, but the bank has paid it",
        ),
        (
            lambda tx: tx.execute(
                payouts.update().where(payouts.c.id == "p2").values(gateway_ref="x")
            ),
            "p2: another reference",
        ),
        (
            lambda tx: tx.execute(
                payouts.update().where(payouts.c.id == "p3").values(status="succeeded")
            ),
            "p3: succeeded, but not in the bank's book",
        ),
        (
            lambda tx: tx.execute(
                book.update().where(book.c.amount == 300).values(idempotency_key="other")
            ),
            "other: the bank has paid what no payout asks for",
        ),
    ],
)
def test_a_planted_difference_is_found(paid: Desk, plant: Callable[[Any], None], what: str) -> None:
    paid.runtime.database.run(plant)
    check = paid.check()
    assert not check.ok
    assert what in check.detail

"""The campaign finds what is planted: by real processes, and each promise of its checker alone."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import billing
from bank.book import transfers as book
from billing import claims, models
from billing.gateways.bank import BankGateway
from chassis.database import Transaction
from tests.integration.billing.conftest import OTHER_CARD, Desk
from tests.payouts import planted
from tests.payouts.campaign import Broken, Campaign, why_not
from tests.support import Workbench

# Many answers are lost, and the bank tells so late by itself that nothing is mended by then.
LOST = {"drop_answer": 500, "notice_late": 1_000, "later_ms": 20_000}
FEW = 16
SETTLED_SECONDS = 120.0

needs_servers = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


@needs_servers
@pytest.mark.parametrize(
    ("fault", "bank", "seconds", "found"),
    [
        ("lost-is-refused", LOST, SETTLED_SECONDS, "was paid"),
        ("lost-is-paid", LOST, SETTLED_SECONDS, "was paid"),
        # The forgotten one never settles; the others must have by then, on a busy machine too.
        ("one-is-forgotten", {}, 90.0, "1 are still on their way"),
    ],
)
def test_what_is_planted_in_the_worker_is_found(
    tmp_path: Path, fault: str, bank: Mapping[str, int], seconds: float, found: str
) -> None:
    campaign = Campaign(
        tmp_path,
        FEW,
        seed=7,
        say=lambda _: None,
        least_kills=1,
        worker=planted.program(fault),
        faults=bank,
        resolved_seconds=seconds,
    )
    with pytest.raises(Broken, match=found):
        campaign.run()


@pytest.fixture
def desk(workbench: Callable[..., Workbench]) -> Desk:
    """p1 and p2 are paid, p3 waits for a card."""
    desk = Desk(workbench(billing.service))
    desk.store_card("ann")
    desk.store_card("bob", OTHER_CARD)
    desk.request("p1", "ann", 1_250)
    desk.request("p2", "bob", 300)
    desk.request("p3", "cid", 5)
    desk.work()
    return desk


def check(desk: Desk, folder: Path, payouts: int = 3) -> None:
    """What the campaign checks at its end, of this desk."""
    campaign = Campaign(folder, payouts, 1, lambda _: None)
    campaign._database = desk.runtime.database
    campaign._gateway = BankGateway(desk.runtime)
    campaign._check()


def test_of_what_is_well_the_checker_says_nothing(desk: Desk, tmp_path: Path) -> None:
    check(desk, tmp_path)


def test_a_payout_that_is_gone_is_found(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(Broken, match="3 payouts of 4"):
        check(desk, tmp_path, payouts=4)


P1, P2 = models.payouts.c.id == "p1", models.payouts.c.id == "p2"
OF_P1, OF_P2 = book.c.amount == 1_250, book.c.amount == 300


@pytest.mark.parametrize(
    ("ours", "plant", "found"),
    [
        (True, models.payouts.update().where(P1).values(amount=1_249), "was paid \\[1250\\]"),
        (True, models.payouts.update().where(P1).values(gateway_ref="SBX-x"), "was paid"),
        (True, models.payouts.update().where(P1).values(status="failed"), "was paid"),
        (True, models.payouts.update().where(P1).values(status="cancelled"), "was paid"),
        (True, models.payouts.update().where(P1).values(status="needs_person"), "for a person"),
        (True, models.payouts.update().where(P1).values(currency="RUB"), "the books differ"),
        (False, book.delete().where(OF_P2), "was paid \\[\\]"),
        (False, book.update().where(OF_P2).values(status="returned"), "was paid \\[\\]"),
        (False, book.update().where(OF_P2).values(amount=301), "was paid \\[301\\]"),
        (False, book.update().where(OF_P2).values(key="of-nobody"), "was paid \\[\\]"),
    ],
)
def test_what_the_books_do_not_bear_out_is_found(
    desk: Desk, tmp_path: Path, ours: bool, plant: Any, found: str
) -> None:
    database = desk.runtime.database if ours else desk.banks_own
    database.run(lambda tx: tx.execute(plant))
    with pytest.raises(Broken, match=found):
        check(desk, tmp_path)


@pytest.mark.parametrize(("key", "found"), [("{}.1", "was paid"), ("other", "nobody asked for")])
def test_a_second_payment_is_found(desk: Desk, tmp_path: Path, key: str, found: str) -> None:
    def pay_again(tx: Transaction) -> None:
        row = dict(tx.execute(select(book).where(OF_P1)).one()._mapping)
        tx.insert(book, [row | {"reference": "SBX-again", "key": key.format(row["key"])}])

    desk.banks_own.run(pay_again)
    with pytest.raises(Broken, match=found):
        check(desk, tmp_path)


def test_a_word_of_the_bank_that_nobody_looks_at_is_found(desk: Desk, tmp_path: Path) -> None:
    def note(tx: Transaction) -> None:
        payout = models.payout(tx, "p1")
        claims.add(tx, payout, payout.key, claims.PAID, "SBX-again", 1_250)

    desk.runtime.database.run(note)
    with pytest.raises(Broken, match="no payout waits for a person"):
        check(desk, tmp_path)

"""What the sandbox paid when its book was a table of billing's is handed over: all of it, once."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bank import book
from billing.domain_cards import CardNumber
from billing.gateway import Accepted
from billing.gateways.bank import BankGateway
from billing.old_book import sandbox_transfers
from tests.integration.billing.conftest import GOOD_CARD, Desk

CARRIED = ("reference", "amount", "currency", "card_last4", "status", "at")


class Killed(BaseException):
    """Stands for `kill -9`: nothing may catch it."""


def as_before(desk: Desk) -> list[str]:
    """Bring what the bank has paid back to where the version before kept it; gives the keys."""
    rows = desk.banks_own.read(lambda r: r.execute(book.transfers.select()).all())
    old = [
        {"idempotency_key": row.key} | {name: row._mapping[name] for name in CARRIED}
        for row in rows
    ]
    desk.banks_own.run(lambda tx: tx.execute(book.transfers.delete()))
    desk.runtime.database.run(lambda tx: tx.insert(sandbox_transfers, old))
    return sorted(row.key for row in rows)


@pytest.fixture
def upgraded(desk: Desk) -> Desk:
    """One payout that was paid, and one that was paid without an answer, by the version before."""
    desk.store_card("ann")
    desk.store_card("bob")
    desk.request("p1", "ann", 1_250)
    desk.work()
    faults_of(desk, error_after=1000)
    desk.request("p2", "bob", 300)
    desk.run_job()
    faults_of(desk)
    assert (desk.status("p1"), desk.status("p2")) == ("succeeded", "unknown")
    assert len(as_before(desk)) == 2
    return desk


def faults_of(desk: Desk, **shares: int) -> None:
    BankGateway(desk.runtime).call("PUT", "/admin/faults", json=shares)


def keys(desk: Desk) -> list[str]:
    """The bank's own book, without what billing still has."""
    rows = desk.banks_own.read(lambda r: r.execute(book.transfers.select()).all())
    return sorted(row.key for row in rows)


def test_books_agree_before_and_after_the_hand_over(upgraded: Desk) -> None:
    before = upgraded.book()
    assert len(before) == 2 and keys(upgraded) == [] and upgraded.check().ok
    upgraded.run_job()
    assert upgraded.table(sandbox_transfers) == []
    assert sorted(upgraded.book(), key=str) == sorted(before, key=str)
    assert upgraded.check().ok


def test_what_was_in_flight_is_found_by_its_key_however_late(upgraded: Desk) -> None:
    upgraded.bench.clock.advance(days=30)
    upgraded.work()
    assert upgraded.status("p2") == "succeeded"
    assert len(upgraded.book()) == 2 and upgraded.check().ok
    again = BankGateway(upgraded.runtime).pay(
        upgraded.book()[0].key, 1_250, "USD", CardNumber(GOOD_CARD)
    )
    assert isinstance(again, Accepted) and len(upgraded.book()) == 2


def test_nothing_is_sent_or_asked_before_all_is_handed_over(
    upgraded: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgraded.store_card("cid")
    upgraded.request("p3", "cid", 500)
    upgraded.bench.clock.advance(minutes=5)
    asked: list[str] = []
    true_call = BankGateway.call

    def turned_away(self: BankGateway, method: str, path: str, **said: Any) -> Any:
        asked.append(path)
        return true_call(self, method, "/nowhere", **said)

    with monkeypatch.context() as patched, capture_logs() as logged:
        patched.setattr(BankGateway, "call", turned_away)
        assert not upgraded.run_job()
    assert asked == ["/admin/transfers"]
    assert ["no payout is sent until it has" in line["event"] for line in logged] == [True]
    assert [upgraded.status(p) for p in ("p2", "p3")] == ["unknown", "ready"]
    assert len(upgraded.table(sandbox_transfers)) == 2
    upgraded.work()
    assert [upgraded.status(p) for p in ("p2", "p3")] == ["succeeded", "succeeded"]
    assert len(keys(upgraded)) == 3 and upgraded.check().ok


@pytest.mark.parametrize("step", range(4))
def test_a_kill_at_any_step_loses_and_doubles_nothing(
    upgraded: Desk, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    expected = sorted(upgraded.book(), key=str)
    left = [step + 1]

    def die_at_the_step() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    def around(does: Callable[..., Any]) -> Callable[..., Any]:
        def dangerous(*args: Any, **said: Any) -> Any:
            die_at_the_step()
            result = does(*args, **said)
            die_at_the_step()
            return result

        return dangerous

    with monkeypatch.context() as patched:
        patched.setattr(BankGateway, "take_over", around(BankGateway.take_over))
        patched.setattr(upgraded.runtime.database, "run", around(upgraded.runtime.database.run))
        with pytest.raises(Killed):
            upgraded.run_job()
    assert sorted(upgraded.book(), key=str) == expected, "it is in one book or in both"
    assert upgraded.check().ok
    upgraded.work()
    assert upgraded.table(sandbox_transfers) == []
    assert sorted(upgraded.book(), key=str) == expected
    assert len(keys(upgraded)) == 2


def test_many_are_handed_over_in_pieces_and_twice_is_once(desk: Desk) -> None:
    row = {"currency": "USD", "card_last4": "4242", "status": "paid", "at": desk.bench.clock.now()}
    rows = [
        row | {"idempotency_key": f"k{n:03}", "reference": f"SBX-{n}", "amount": 100 + n}
        for n in range(101)
    ]
    for _ in range(2):  # as after a restored backup
        desk.runtime.database.run(lambda tx: tx.insert(sandbox_transfers, rows))
        desk.run_job()
        assert desk.table(sandbox_transfers) == []
        assert keys(desk) == [f"k{n:03}" for n in range(101)]
        assert sum(line.amount for line in desk.book()) == 101 * 100 + 5_050


def test_what_the_bank_has_otherwise_is_not_overwritten_and_keeps_all_from_being_sent(
    upgraded: Desk,
) -> None:
    first = upgraded.book()[0]
    upgraded.run_job()
    as_before(upgraded)
    bank = BankGateway(upgraded.runtime)
    item = {
        "key": first.key, "reference": first.reference, "amount": 1, "currency": "USD",
        "card_last4": "4242", "status": "paid", "at": first.at.isoformat(),
    }  # fmt: skip
    said = bank.call("POST", "/admin/transfers", json={"items": [item]})
    assert said.status_code == 200 and said.json() == {"taken": 1}
    assert not upgraded.run_job()
    assert len(upgraded.table(sandbox_transfers)) == 2 and keys(upgraded) == [first.key]
    wrong: Any
    for wrong in ({}, {"items": [{}]}, {"items": [item | {"status": "refused"}]}, {"items": [3]}):
        assert bank.call("POST", "/admin/transfers", json=wrong).status_code == 400
    assert bank.call("GET", "/admin/faults").json() == {}

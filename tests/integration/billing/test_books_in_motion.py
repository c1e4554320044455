"""Payouts go out while the books are compared, and no difference is seen that is none."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billing import bank_books, reconciliation
from billing.books import Kind
from billing.gateway import BookLine
from billing.gateways.bank import BankGateway
from billing.models import payouts
from tests.integration.billing.conftest import (
    API,
    DECLINED_CARD,
    GOOD_CARD,
    YESTERDAY,
    Desk,
)
from tests.integration.billing.payout_world import at_work

DAY = {"from": YESTERDAY.isoformat(), "to": YESTERDAY.isoformat()}
PAGE = "/billing/reconciliation"


@pytest.fixture(params=["sqlite", "mariadb"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with at_work(request.param, tmp_path) as bench:
        yield Desk(bench)


@pytest.fixture
def paid(desk: Desk) -> Desk:
    desk.store_card()
    desk.request()
    desk.work()
    assert desk.status() == "succeeded"
    return desk


def _seen(desk: Desk) -> list[tuple[Kind, str]]:
    look = reconciliation.look(desk.runtime, YESTERDAY, YESTERDAY)
    assert reconciliation.BANK not in look.unread
    return [(each.kind, each.subject) for each in look.found]


def _while_the_bank_is_read(
    monkeypatch: pytest.MonkeyPatch, when: str, happens: Callable[[], Any]
) -> None:
    """Something happens just before the bank's book is read, or just after."""
    real = BankGateway.book

    def book(self: BankGateway, since: datetime, until: datetime) -> Iterable[BookLine]:
        if when == "before":
            happens()
        lines = list(real(self, since, until))
        if when == "after":
            happens()
        return lines

    monkeypatch.setattr(BankGateway, "book", book)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("by", ["page", "command"])
def test_what_is_paid_meanwhile_is_no_difference(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, when: str, by: str
) -> None:
    desk.store_card()
    desk.request()
    _while_the_bank_is_read(monkeypatch, when, desk.work)
    if by == "page":
        assert _seen(desk) == []
    else:
        assert desk.check().ok, desk.check().detail
    assert desk.status() == "succeeded"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("by", ["page", "command"])
def test_what_is_asked_for_and_paid_meanwhile_is_no_difference(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, when: str, by: str
) -> None:
    desk.store_card()
    desk.store_card("bob")
    desk.request()

    def another() -> None:
        desk.request("p2", "bob")
        desk.work()

    _while_the_bank_is_read(monkeypatch, when, another)
    if by == "page":
        assert _seen(desk) == []
    else:
        assert desk.check().ok, desk.check().detail
    assert desk.status("p2") == "succeeded"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("by", ["page", "command"])
def test_what_is_retried_meanwhile_under_its_next_key_is_no_difference(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, when: str, by: str
) -> None:
    desk.store_card(number=DECLINED_CARD)
    desk.request()
    desk.work()
    desk.store_card(number=GOOD_CARD)

    def retried() -> None:
        desk.accountant.post(f"{API}/payouts/p1/retry")
        desk.work()

    _while_the_bank_is_read(monkeypatch, when, retried)
    if by == "page":
        assert _seen(desk) == []
    else:
        assert desk.check().ok, desk.check().detail
    assert desk.status() == "succeeded"
    assert desk.book()[-1].key.endswith(".1")


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_differs_is_named_while_others_go_out(
    paid: Desk, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    change = payouts.update().where(payouts.c.id == "p1").values(status="failed")
    paid.runtime.database.run(lambda tx: tx.execute(change))
    paid.store_card("bob")
    paid.request("p2", "bob")
    _while_the_bank_is_read(monkeypatch, when, paid.work)
    assert (Kind.TRANSFER_OF_UNPAID, "p1") in _seen(paid)
    assert paid.status("p2") == "succeeded"
    paid.request("p3", "bob", day=date(2026, 3, 8))
    assert paid.check().detail == "1 transfer of unpaid payout: p1"
    assert paid.status("p3") == "succeeded"


def test_what_is_cancelled_while_accounts_is_asked_is_no_difference(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts has the money back before our own book was read as cancelled."""
    desk.store_card(number=DECLINED_CARD)
    desk.request()
    desk.work()
    booked = {
        "payout_id": "p1",
        "user_id": "ann",
        "date": YESTERDAY.isoformat(),
        "amount": 1_250,
        "booked_at": datetime(2026, 3, 10, tzinfo=UTC).isoformat(),
        "returned": 1_250,
    }
    desk.bench.fakes["accounts"].lists["/api/v1/payouts"] = [booked]
    assert _seen(desk) == [(Kind.RETURNED_UNCANCELLED, "p1")]
    real = desk.runtime.remote.get

    def get(service: str, path: str, **more: Any) -> Any:
        if service == "accounts" and desk.status() == "failed":
            desk.accountant.post(f"{API}/payouts/p1/cancel", json={"reason": "he left"})
        return real(service, path, **more)

    monkeypatch.setattr(desk.runtime.remote, "get", get)
    assert _seen(desk) == []
    assert desk.status() == "cancelled"


def test_accounts_is_asked_last_so_that_it_knows_what_the_mails_are_about(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = desk.runtime.remote.get

    def get(service: str, path: str, **more: Any) -> Any:
        asked.append(service)
        return real(service, path, **more)

    monkeypatch.setattr(desk.runtime.remote, "get", get)
    _seen(desk)
    assert asked == ["mailer", "accounts"]


def _asked_of_the_bank(monkeypatch: pytest.MonkeyPatch) -> list[tuple[datetime, datetime]]:
    spans: list[tuple[datetime, datetime]] = []
    real = BankGateway.book

    def book(self: BankGateway, since: datetime, until: datetime) -> Iterable[BookLine]:
        spans.append((since, until))
        return real(self, since, until)

    monkeypatch.setattr(BankGateway, "book", book)
    return spans


def test_of_a_day_long_ago_no_more_of_the_banks_book_is_read_than_its_payouts_need(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.request()
    desk.bench.clock.advance(days=9)
    desk.store_card()  # it waited for one until now
    desk.work()
    paid_at = desk.bench.clock.now()
    desk.bench.clock.advance(days=365)
    spans = _asked_of_the_bank(monkeypatch)
    assert _seen(desk) == []
    assert spans == [(datetime(2026, 3, 9, tzinfo=UTC), paid_at + reconciliation.GRACE)]


def test_of_a_day_without_payouts_the_book_of_that_day_is_read(
    paid: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid.bench.clock.advance(days=365)
    spans = _asked_of_the_bank(monkeypatch)
    day = date(2026, 3, 5)
    reconciliation.look(paid.runtime, day, day)
    ((since, until),) = spans
    assert since == datetime(2026, 3, 5, tzinfo=UTC)
    assert timedelta(0) < datetime(2026, 3, 6, tzinfo=UTC) - until < timedelta(seconds=1)


def test_a_book_that_takes_too_long_is_named_as_not_read(
    paid: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "MOST_SECONDS", -1.0)
    page = paid.accountant.get(PAGE, query_string=DAY).text
    assert "left out: the bank" in page
    assert "All books agree" not in page


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_each_line_under_an_unknown_key_counts(
    paid: Desk, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Paid, and paid again and returned, under a key of nobody's: one of the two has gone."""
    monkeypatch.setattr(bank_books, "KEYS_AT_ONCE", at_once)
    real = BankGateway.book

    def book(self: BankGateway, since: datetime, until: datetime) -> Iterable[BookLine]:
        yield from real(self, since, until)
        at = datetime(2026, 3, 9, 12, tzinfo=UTC)
        ghost = BookLine("ghost", "SBX-a", 100, "USD", "paid", at)
        yield ghost
        yield replace(ghost, reference="SBX-b", status="returned")

    monkeypatch.setattr(BankGateway, "book", book)
    assert _seen(paid) == [(Kind.TRANSFER_OF_NOTHING, "ghost")]
    assert paid.check().detail == "1 transfer without payout: ghost"

"""What the bank tells by itself, and what we make of one that is away or does not know us."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from structlog.testing import capture_logs

import billing
from bank import book, faults, telling
from billing import notices
from billing.domain_cards import CardNumber
from billing.gateway import Accepted, Notice
from billing.gateways.bank import BankGateway
from tests.integration.billing.conftest import GOOD_CARD, Desk
from tests.support import Workbench
from tests.waiting import wait_for

GOOD = CardNumber(GOOD_CARD)


def test_a_guest_at_work_tells_billing_of_what_changes(
    workbench: Callable[..., Workbench], monkeypatch: pytest.MonkeyPatch
) -> None:
    posted: list[tuple[str, bytes, dict[str, str]]] = []

    class Answered:
        status_code = 204

    def post(_: Any, url: str, data: bytes, headers: dict[str, str], timeout: float) -> Answered:
        posted.append((url, data, headers))
        return Answered()

    monkeypatch.setattr(requests.Session, "post", post)
    bench = workbench(billing.service, public_url="http://127.0.0.1:4321")
    desk = Desk(bench)
    desk.store_card()
    desk.request()
    desk.work()
    billing_runtime = bench.runtime("billing")
    billing_runtime.guests.start(["bank"])
    wait_for(lambda: bool(posted), "the bank to tell")
    billing_runtime.guests.stop()
    url, body, headers = posted[0]
    assert url == "http://127.0.0.1:4321/billing/webhooks/sandbox"
    taken = bench.client().post("/billing/webhooks/sandbox", data=body, headers=headers)
    assert taken.status_code == 204
    forged = {**headers, telling.SIGNATURE: telling.signature("another", 1, body)}
    refused = bench.client().post("/billing/webhooks/sandbox", data=body, headers=forged)
    assert refused.status_code == 401


def test_a_notice_that_is_never_taken_is_given_up_loudly(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling.Teller, "_send", lambda _self, _notice: False)
    assert isinstance(BankGateway(desk.runtime).pay("k", 700, "USD", GOOD), Accepted)
    guest: Any = desk.runtime.guests._guest("bank")
    pauses = []
    for _ in range(telling.TRIES_MOST):
        with capture_logs() as logged:
            assert guest.teller.work()
        (due,) = guest._database.read(lambda r: r.execute(book.notices.select()).all() or [None])
        if due:
            pauses.append((due.due_at - desk.bench.clock.now()).total_seconds())
            desk.bench.clock.put(due.due_at)
    assert pauses == [1, 2, 4, 8, 16, 32] + [60] * (telling.TRIES_MOST - 7)
    assert due is None
    assert [(line["log_level"], line["status"]) for line in logged] == [("error", "paid")]
    desk.bench.clock.advance(days=1)
    assert not guest.teller.work()


def test_a_wrong_key_costs_no_payout_anything_and_is_said(
    desk: Desk,
) -> None:
    desk.store_card()
    desk.request()
    BankGateway(desk.runtime).ask("opened with the right one")
    path = desk.bench.settings.keys / "bank.key"
    right = path.read_text()
    path.write_text("wrong")
    with capture_logs() as logged:
        assert desk.run_job()
    assert (desk.status(), desk.payout()["reason"]) == ("ready", "the bank does not take our key")
    assert any("POPUG_BANK_KEY must be the same" in line["event"] for line in logged)
    path.write_text(right)
    desk.bench.clock.advance(minutes=1)
    desk.work()
    assert desk.status() == "succeeded"


def test_a_bank_that_is_away_is_asked_about_a_notice_after_growing_pauses(desk: Desk) -> None:
    desk.store_card()
    desk.request()
    desk.work()
    (line,) = desk.book()
    bank = BankGateway(desk.runtime)
    notices.keep(desk.runtime.database, "sandbox", Notice(line.key, line.reference, "returned"))
    bank.call("PUT", "/admin/faults", json={faults.ASK_ERROR: 1000})
    pauses = []
    for _ in range(8):
        assert not desk.run_job()
        (kept,) = desk.table(notices.gateway_notices)
        pauses.append((kept.look_at - desk.bench.clock.now()).total_seconds())
        desk.bench.clock.put(kept.look_at)
    assert pauses == [20, 20, 40, 80, 160, 320, 600, 600]
    assert timedelta(seconds=sum(pauses)) < timedelta(hours=1)

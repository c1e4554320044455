"""Payouts through the bank over HTTP, well-behaved and not; and what it tells by itself."""

import json
from datetime import timedelta
from typing import Any

import pytest
import requests

from bank import faults
from bank.telling import SIGNATURE, signature
from billing import checks, claims, notices
from billing.domain_cards import CardNumber
from billing.gateway import Accepted, AnswerLost, BookLine, NotFound, Refused, Returned
from billing.gateways.bank import BankGateway
from chassis.checks import Finding
from tests.integration.bank.conftest import SECRET, OpenBank
from tests.integration.billing.conftest import API, DECLINED_CARD, GOOD_CARD, Desk

GOOD = CardNumber(GOOD_CARD)
WEBHOOK = "/billing/webhooks/sandbox"


def gateway(desk: Desk) -> BankGateway:
    return BankGateway(desk.runtime)


def lines(desk: Desk) -> list[BookLine]:
    now = desk.bench.clock.now()
    return list(gateway(desk).book(now - timedelta(days=9), now + timedelta(days=1)))


def check(desk: Desk) -> Finding:
    (finding,) = checks.run(desk.runtime)
    return finding


def requested(desk: Desk) -> None:
    desk.store_card()
    desk.request()


def later(desk: Desk, open_bank: OpenBank, **time: float) -> None:
    open_bank.clock.advance(**time)
    open_bank.bank.teller.work()
    desk.work()


def tell(desk: Desk, line: Any, status: str, secret: str = SECRET, age: int = 0) -> int:
    """Post a notice as the bank does; `age` seconds old."""
    body = json.dumps({"key": line.key, "reference": line.reference, "status": status}).encode()
    at = int(desk.bench.clock.now().timestamp()) - age
    headers = {SIGNATURE: signature(secret, at, body), "Content-Type": "application/json"}
    return desk.bench.client().post(WEBHOOK, data=body, headers=headers).status_code


def test_a_payout_goes_out_over_http_and_both_books_agree(desk: Desk) -> None:
    requested(desk)
    desk.work()
    (line,) = lines(desk)
    assert (desk.status(), desk.payout()["gateway_ref"]) == ("succeeded", line.reference)
    assert (line.amount, line.currency, line.status) == (1_250, "USD", "paid")
    assert check(desk).ok and "1250 cents" in check(desk).detail


def test_the_bank_pays_once_for_a_key_and_keeps_to_a_refusal(desk: Desk) -> None:
    bank = gateway(desk)
    first = bank.pay("k1", 700, "USD", GOOD)
    assert isinstance(first, Accepted) and first.amount == 700
    assert bank.pay("k1", 700, "USD", CardNumber(DECLINED_CARD)) == first
    refused = Refused("card declined", final=True)
    assert bank.pay("k2", 700, "USD", CardNumber(DECLINED_CARD)) == refused
    assert bank.pay("k2", 700, "USD", GOOD) == refused
    assert bank.ask("k2") == refused
    assert bank.ask("k1") == bank.ask("k1", first.reference) == first
    assert bank.ask("k3") == NotFound()


def test_a_key_is_forgotten_after_a_day_but_never_the_reference(
    desk: Desk, open_bank: OpenBank
) -> None:
    bank = gateway(desk)
    first = bank.pay("k1", 700, "USD", GOOD)
    assert isinstance(first, Accepted)
    open_bank.clock.advance(hours=25)
    assert bank.ask("k1") == NotFound()
    assert bank.ask("k1", first.reference) == first
    assert bank.pay("k1", 700, "USD", GOOD) != first


def test_nobody_without_the_key_is_answered(open_bank: OpenBank) -> None:
    for method, path in (("GET", "/v1/book"), ("PUT", "/admin/faults"), ("POST", "/v1/payouts")):
        answer = requests.request(method, open_bank.url + path, timeout=5)
        assert answer.status_code == 401
        wrong = {"Authorization": "Bearer wrong"}
        answer = requests.request(method, open_bank.url + path, headers=wrong, timeout=5)
        assert answer.status_code == 401


def test_its_faults_are_switched_over_http(open_bank: OpenBank) -> None:
    headers = {"Authorization": f"Bearer {SECRET}"}
    url = f"{open_bank.url}/admin/faults"
    assert requests.put(url, json={"no_such": 1}, headers=headers, timeout=5).status_code == 400
    assert requests.put(url, json={"refuse": 5}, headers=headers, timeout=5).status_code == 200
    assert requests.get(url, headers=headers, timeout=5).json() == {"refuse": 5}


@pytest.mark.parametrize(
    ("fault", "lost", "booked"),
    [
        (faults.ERROR_BEFORE, "unknown", 0),
        (faults.ERROR_AFTER, "unknown", 1),
        (faults.DROP_ANSWER, "unknown", 1),
        (faults.TOO_MANY, "ready", 0),
    ],
)
def test_whatever_the_bank_does_to_a_call_it_is_paid_once(
    desk: Desk, open_bank: OpenBank, fault: str, lost: str, booked: int
) -> None:
    requested(desk)
    open_bank.misbehave(**{fault: 1000})
    desk.run_job()
    assert (desk.status(), len(lines(desk))) == (lost, booked)
    open_bank.misbehave()
    later(desk, open_bank, minutes=3)
    assert (desk.status(), len(lines(desk)), desk.said()) == (
        "succeeded",
        1,
        [("succeeded", "p1")],
    )
    assert check(desk).ok


def test_a_slow_bank_is_not_waited_for_and_pays_once_all_the_same(
    desk: Desk, open_bank: OpenBank
) -> None:
    requested(desk)
    object.__setattr__(desk.runtime.settings, "gateway_patience_seconds", 0.5)
    open_bank.misbehave(delay=1000, delay_ms=1_500)
    desk.run_job()
    assert desk.status() == "unknown"
    object.__setattr__(desk.runtime.settings, "gateway_patience_seconds", 10.0)
    open_bank.misbehave()
    later(desk, open_bank, minutes=3)
    assert (desk.status(), len(lines(desk))) == ("succeeded", 1)


def test_a_bank_that_is_not_there_was_certainly_not_reached(desk: Desk) -> None:
    object.__setattr__(desk.runtime.settings, "bank_url", "http://127.0.0.1:1")
    bank = gateway(desk)
    assert bank.pay("k", 1, "USD", GOOD) == Refused("the bank cannot be reached", final=False)
    with pytest.raises(AnswerLost):
        bank.ask("k")


def test_another_amount_waits_for_a_person(desk: Desk, open_bank: OpenBank) -> None:
    requested(desk)
    open_bank.misbehave(wrong_amount=1000)
    desk.work()
    assert desk.status() == "needs_person"
    (claim,) = desk.runtime.database.read(claims.of_payout, "p1")
    assert (claim.kind, claim.amount) == (claims.OTHER_AMOUNT, 1_249)
    form = {"outcome": "paid", "reference": claim.reference, "reason": "the cent came by hand"}
    desk.accountant.post("/billing/payouts/p1/decide", data=form)
    assert desk.status() == "succeeded" and check(desk).ok


def test_what_is_pending_is_asked_for_until_it_is_paid(desk: Desk, open_bank: OpenBank) -> None:
    requested(desk)
    open_bank.misbehave(pending_first=1000, later_ms=60_000)
    desk.run_job()
    assert (desk.status(), lines(desk)) == ("unknown", [])
    later(desk, open_bank, minutes=3)
    assert (desk.status(), len(lines(desk))) == ("succeeded", 1)


def test_money_that_comes_back_is_heard_of_asked_about_and_can_be_cancelled(
    desk: Desk, open_bank: OpenBank
) -> None:
    requested(desk)
    open_bank.misbehave(return_later=1000, later_ms=60_000)
    desk.work()
    (line,) = lines(desk)
    open_bank.clock.advance(minutes=3)
    open_bank.bank.teller.work()
    assert isinstance(gateway(desk).ask(line.key, line.reference), Returned)
    assert not check(desk).ok  # until we have heard of it
    assert tell(desk, line, "returned") == 204
    desk.work()
    assert (desk.status(), desk.said()) == ("failed", [("succeeded", "p1"), ("failed", "p1")])
    assert check(desk).ok
    answer = desk.accountant.post(f"{API}/payouts/p1/cancel", json={"reason": "no account"})
    assert answer.status_code == 200 and check(desk).ok


def test_a_notice_that_comes_first_twice_or_late_changes_nothing_but_the_hour(
    desk: Desk, open_bank: OpenBank
) -> None:
    requested(desk)
    open_bank.misbehave(error_after=1000)
    desk.run_job()
    open_bank.misbehave()
    (line,) = lines(desk)
    assert [tell(desk, line, "paid") for _ in range(3)] == [204] * 3
    assert len(desk.table(notices.gateway_notices)) == 1
    desk.run_job()
    assert (desk.status(), desk.said()) == ("succeeded", [("succeeded", "p1")])
    # An older word that comes late, and one that was never true: the bank is asked.
    assert tell(desk, line, "refused") == tell(desk, line, "returned") == 204
    desk.work()
    assert (desk.status(), desk.said()) == ("succeeded", [("succeeded", "p1")])


def test_what_is_forged_or_old_or_of_nobody_is_not_kept(desk: Desk) -> None:
    requested(desk)
    desk.work()
    (line,) = lines(desk)
    assert tell(desk, line, "returned", secret="somebody else") == 401
    assert tell(desk, line, "returned", age=301) == 401
    assert tell(desk, line, "returned", age=-301) == 401
    client = desk.bench.client()
    assert client.post(WEBHOOK, data=b"{}").status_code == 401
    assert client.post(WEBHOOK, data=b"x" * 20_000).status_code == 413
    assert client.post("/billing/webhooks/bank", data=b"{}").status_code == 404
    assert client.post("/billing/webhooks/elsewhere", data=b"{}").status_code == 404
    nobodys = BookLine("no-such-key", "SBX-1", 1, "USD", "paid", desk.bench.clock.now())
    assert tell(desk, nobodys, "paid") == 204
    assert desk.table(notices.gateway_notices) == []


def test_a_notice_is_followed_up_when_the_bank_answers_again(
    desk: Desk, open_bank: OpenBank
) -> None:
    requested(desk)
    desk.work()
    (line,) = lines(desk)
    tell(desk, line, "returned")
    open_bank.misbehave(ask_error=1000)
    assert not desk.run_job()
    assert desk.table(notices.gateway_notices)[0].look_at is not None
    open_bank.misbehave()
    later(desk, open_bank, seconds=30)
    assert desk.table(notices.gateway_notices)[0].look_at is None


def test_a_bank_that_does_not_show_its_book_is_a_finding(desk: Desk, open_bank: OpenBank) -> None:
    requested(desk)
    desk.work()
    object.__setattr__(desk.runtime.settings, "bank_url", "http://127.0.0.1:1")
    assert check(desk).detail == "the bank does not show its book"


def test_an_operator_of_the_bank_takes_money_back(desk: Desk, open_bank: OpenBank) -> None:
    requested(desk)
    desk.work()
    (line,) = lines(desk)
    said = gateway(desk).call("POST", f"/admin/transfers/{line.reference}/return")
    assert said.json()["status"] == "returned"
    assert isinstance(gateway(desk).ask(line.key, line.reference), Returned)
    assert gateway(desk).call("POST", "/admin/transfers/nothing/return").status_code == 404

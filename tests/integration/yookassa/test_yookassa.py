"""Payouts through YooKassa: one payment whatever happens to a call, and notices not believed."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from billing import asking, attempts, checks, history, models, notices, reconciliation
from billing.books import Kind
from billing.domain_cards import CardNumber
from billing.gateway import Accepted, AnswerLost, NoBook, NotFound, Refused
from billing.gateways.yookassa import YooKassaGateway
from tests.integration.billing.conftest import DECLINED_CARD, GOOD_CARD, OTHER_CARD, YESTERDAY, Desk
from tests.integration.yookassa.kassa import AGENT, SECRET, Kassa

WEBHOOK = "/billing/webhooks/yookassa"
GOOD = CardNumber(GOOD_CARD)


def gateway(desk: Desk, **settings: Any) -> YooKassaGateway:
    return YooKassaGateway(desk.runtime.settings.model_copy(update=settings))


def requested(desk: Desk, card: str = GOOD_CARD) -> None:
    desk.store_card(number=card)
    desk.request()


def later(desk: Desk, kassa: Kassa, **time: float) -> None:
    kassa.clock.advance(**time)
    desk.work()


def the_key(kassa: Kassa) -> str:
    (key,) = kassa.keys
    return key


def tell(desk: Desk, event: str, about: Any) -> int:
    body = json.dumps({"type": "notification", "event": event, "object": about})
    return desk.bench.client().post(WEBHOOK, data=body.encode()).status_code


def test_a_payout_goes_out_and_is_what_yookassa_asks_for(desk: Desk, kassa: Kassa) -> None:
    requested(desk)
    desk.work()
    (payout,) = kassa.payouts.values()
    assert (desk.status(), desk.payout()["gateway_ref"]) == ("succeeded", payout["id"])
    assert desk.said() == [("succeeded", "p1")]
    assert kassa.keys[the_key(kassa)][1] == {
        "amount": {"value": "12.50", "currency": "RUB"},
        "payout_destination_data": {"type": "bank_card", "card": {"number": GOOD_CARD}},
        "description": f"Popug payout {the_key(kassa)}",
        "metadata": {"payout_key": the_key(kassa)},
    }


@pytest.mark.parametrize("finds", [True, False])
@pytest.mark.parametrize("searches", [True, False])
@pytest.mark.parametrize(
    ("fault", "lost", "made"),
    [
        ("busy", "ready", 0),
        ("error_before", "unknown", 0),
        ("proxy", "unknown", 0),
        ("proxy_page", "unknown", 0),
        ("error_after", "unknown", 1),
        ("drop", "unknown", 1),
    ],
)
def test_whatever_happens_to_a_call_it_is_paid_once(
    desk: Desk, kassa: Kassa, fault: str, lost: str, made: int, finds: bool, searches: bool
) -> None:
    requested(desk)
    kassa.fault, kassa.finds, kassa.searches = fault, finds, searches
    desk.run_job()
    assert (desk.status(), len(kassa.payouts)) == (lost, made)
    kassa.fault = ""
    later(desk, kassa, minutes=3)
    assert (desk.status(), len(kassa.payouts)) == ("succeeded", 1)
    assert desk.said() == [("succeeded", "p1")]


def test_a_key_that_has_run_out_is_never_sent_again(desk: Desk, kassa: Kassa) -> None:
    requested(desk)
    kassa.fault, kassa.finds = "error_after", False
    desk.run_job()
    kassa.fault = ""
    later(desk, kassa, hours=22)
    assert (desk.status(), len(kassa.payouts)) == ("needs_person", 1)
    # The hazard is real: a day later the key pays once more.
    key = the_key(kassa)
    kassa.clock.advance(hours=3)
    assert isinstance(gateway(desk).pay(key, 1_250, "RUB", GOOD), Accepted)
    assert len(kassa.payouts) == 2


def test_another_card_under_the_same_key_is_refused_and_leaves_it_unknown(
    desk: Desk, kassa: Kassa
) -> None:
    requested(desk)
    kassa.fault, kassa.finds = "drop", False
    desk.run_job()
    kassa.fault = ""
    desk.store_card(number=OTHER_CARD)
    later(desk, kassa, minutes=3)
    assert (desk.status(), len(kassa.payouts)) == ("unknown", 1)
    assert desk.payout()["reason"] == "YooKassa: invalid_request, Idempotence-Key"
    kassa.finds = True
    later(desk, kassa, minutes=3)
    assert (desk.status(), len(kassa.payouts)) == ("succeeded", 1)


def test_what_is_pending_is_read_by_its_id_until_it_has_an_outcome(
    desk: Desk, kassa: Kassa
) -> None:
    requested(desk)
    kassa.status = "pending"
    desk.work()
    assert desk.status() == "unknown"
    kassa.finds = False
    later(desk, kassa, minutes=3)
    assert desk.status() == "unknown"
    kassa.settle()
    later(desk, kassa, minutes=3)
    assert (desk.status(), len(kassa.payouts)) == ("succeeded", 1)
    assert [call for call in kassa.calls if call.startswith("POST")] == ["POST /v3/payouts"]


def test_an_id_that_the_search_has_found_is_kept_and_read_from_then_on(
    desk: Desk, kassa: Kassa
) -> None:
    requested(desk)
    kassa.status, kassa.fault = "pending", "drop"
    desk.run_job()
    assert (desk.status(), desk.payout()["gateway_ref"]) == ("unknown", None)
    later(desk, kassa, minutes=3)
    assert (desk.status(), desk.payout()["gateway_ref"]) == ("unknown", "po-1")
    kassa.settle()
    later(desk, kassa, hours=30)  # an id outlives its key
    assert (desk.status(), kassa.calls[-1]) == ("succeeded", "GET /v3/payouts/po-1")
    assert len(kassa.payouts) == 1


def test_what_is_canceled_has_failed_and_goes_out_under_the_next_key(
    desk: Desk, kassa: Kassa
) -> None:
    requested(desk, DECLINED_CARD)
    desk.work()
    reason = "YooKassa: payout_network, general_decline"
    assert (desk.status(), desk.payout()["reason"]) == ("failed", reason)
    desk.store_card()
    desk.accountant.post("/billing/payouts/p1/retry")
    desk.work()
    assert desk.status() == "succeeded"
    first, second = kassa.keys
    assert second == f"{first}.1"


def test_wrong_keys_cost_no_payout_anything(desk: Desk, kassa: Kassa) -> None:
    wrong = gateway(desk, yookassa_secret="another")
    busy = Refused("YooKassa answered 401", final=False)
    assert wrong.pay("k", 100, "RUB", GOOD) == busy
    with pytest.raises(AnswerLost):
        wrong.ask("k")
    none = Refused("the keys of YooKassa are not set", final=False)
    assert gateway(desk, yookassa_agent_id="").pay("k", 100, "RUB", GOOD) == none
    assert kassa.payouts == {}


def test_a_yookassa_that_is_not_there_was_certainly_not_reached(desk: Desk) -> None:
    away = gateway(desk, yookassa_url="http://127.0.0.1:1/v3")
    assert away.pay("k", 1, "RUB", GOOD) == Refused("YooKassa cannot be reached", final=False)
    with pytest.raises(AnswerLost):
        away.ask("k")


def test_an_answer_about_something_else_is_none(desk: Desk, kassa: Kassa) -> None:
    kassa_gateway = gateway(desk)
    paid = kassa_gateway.pay("k1", 105, "RUB", GOOD)
    assert paid == Accepted("po-1", 105)
    assert kassa_gateway.ask("k1") == kassa_gateway.ask("k1", "po-1") == paid
    assert kassa_gateway.ask("k2") == NotFound()
    with pytest.raises(AnswerLost):
        kassa_gateway.ask("k2", "po-1")
    with pytest.raises(AnswerLost):
        kassa_gateway.ask("k1", "po-9")
    for change in ({"status": "new"}, {"amount": {"value": "1.055", "currency": "RUB"}}, {"id": 1}):
        kept = dict(kassa.payouts["po-1"])
        kassa.payouts["po-1"] |= change
        if "id" not in change:
            with pytest.raises(AnswerLost):
                kassa_gateway.ask("k1")
        kassa.payouts["po-1"] = kept
    kassa.payouts["po-1"]["amount"] = {"value": "1.05", "currency": "EUR"}
    with pytest.raises(AnswerLost):
        kassa_gateway.pay("k1", 105, "RUB", GOOD)
    kassa.payouts["po-2"] = dict(kassa.payouts["po-1"], id="po-2")
    with pytest.raises(AnswerLost):
        kassa_gateway.ask("k1")


@pytest.mark.parametrize(
    "change",
    [
        {"amount": {"value": "Infinity", "currency": "RUB"}},
        {"amount": {"value": "1E+40", "currency": "RUB"}},
        {"amount": {"value": "NaN", "currency": "RUB"}},
        {"amount": {"value": "-1.00", "currency": "RUB"}},
        {"id": "R" * 192},
        {"id": "№ 7"},
        {"id": None},
    ],
    ids=str,
)
def test_an_answer_that_cannot_be_kept_is_none(desk: Desk, kassa: Kassa, change: Any) -> None:
    kassa_gateway = gateway(desk)
    kassa_gateway.pay("k1", 105, "RUB", GOOD)
    kassa.payouts["po-1"] |= change
    with pytest.raises(AnswerLost):
        kassa_gateway.ask("k1")


def as_another_agent(desk: Desk, agent: str) -> None:
    object.__setattr__(desk.runtime.settings, "yookassa_agent_id", agent)


@pytest.mark.parametrize("fault", ["drop", "error_before", "pending"])
def test_what_one_agent_may_have_paid_another_never_sends(
    desk: Desk, kassa: Kassa, fault: str
) -> None:
    """Its keys are its own: the new agent would find nothing, and pay once more."""
    requested(desk)
    if fault == "pending":
        kassa.status = "pending"
    else:
        kassa.fault, kassa.finds = fault, False
    desk.run_job()
    kassa.fault, made = "", len(kassa.payouts)
    as_another_agent(desk, "600000")
    kassa.agents.add("600000")
    calls = len(kassa.calls)
    for _ in range(5):
        later(desk, kassa, hours=2)
        assert (desk.status(), len(kassa.payouts), len(kassa.calls)) == ("unknown", made, calls)
    reason = "it was sent under another account of the gateway"
    assert desk.payout()["reason"] == reason
    assert reason in desk.accountant.get("/billing/payouts/p1").text
    # Back with its own agent it goes on by itself; without him a person decides.
    as_another_agent(desk, AGENT)
    kassa.status = "succeeded"
    kassa.settle()
    later(desk, kassa, minutes=3)
    assert (desk.status(), len(kassa.payouts)) == ("succeeded", 1)


def test_without_its_agent_it_waits_for_a_person_in_the_end(desk: Desk, kassa: Kassa) -> None:
    requested(desk)
    kassa.fault = "drop"
    desk.run_job()
    kassa.fault = ""
    as_another_agent(desk, "600000")
    kassa.agents.add("600000")
    later(desk, kassa, hours=23)
    reason = "it was sent under another account of the gateway"
    assert (desk.status(), desk.payout()["reason"], len(kassa.payouts)) == (
        "needs_person", reason, 1,
    )  # fmt: skip
    assert f">{AGENT}</dd>" in desk.accountant.get("/billing/payouts/p1").text
    decided = {"outcome": "not_paid", "reason": "the old agent knows nothing of it"}
    assert desk.accountant.post("/billing/payouts/p1/decide", data=decided).status_code == 303
    desk.accountant.post("/billing/payouts/p1/retry")
    desk.work()
    assert desk.status() == "succeeded"
    payout = desk.runtime.database.read(models.payout, "p1")
    assert (payout.gateway_account, payout.key[-2:]) == ("600000", ".1")


def asked(desk: Desk) -> str | None:
    """Has it asked by hand; gives the word of the last asking."""
    assert desk.accountant.post("/billing/api/v1/payouts/p1/ask").status_code == 202
    desk.work()
    return desk.runtime.database.read(asking.of_payout, "p1")[-1].answer


@pytest.mark.parametrize("searches", [True, False])
def test_what_has_succeeded_can_be_asked_by_hand(desk: Desk, kassa: Kassa, searches: bool) -> None:
    kassa.searches = searches
    requested(desk)
    desk.work()
    assert asked(desk) == "paid"
    assert (desk.status(), kassa.calls[-1]) == ("succeeded", "GET /v3/payouts/po-1")


def test_another_agent_is_never_asked_by_hand(desk: Desk, kassa: Kassa) -> None:
    requested(desk)
    desk.work()
    kassa.agents.add("600000")
    as_another_agent(desk, "600000")
    kassa.calls.clear()
    assert asked(desk) == "other_account"
    assert kassa.calls == []
    page = desk.accountant.get("/billing/payouts/p1").text
    assert "sent under another account of ours" in page
    as_another_agent(desk, AGENT)
    assert asked(desk) == "paid"


def test_a_silent_senders_payout_is_not_taken_over_by_another_agent(
    desk: Desk, kassa: Kassa
) -> None:
    requested(desk)
    seen = desk.runtime.database.read(models.payout, "p1")
    assert desk.runtime.database.run(attempts.begin_sending, seen, gateway(desk))
    as_another_agent(desk, "600000")
    kassa.agents.add("600000")
    later(desk, kassa, minutes=3)
    assert (desk.status(), kassa.calls) == ("unknown", [])


def test_what_was_certainly_not_paid_goes_out_under_the_new_agent(desk: Desk, kassa: Kassa) -> None:
    requested(desk)
    kassa.fault = "busy"
    desk.run_job()
    assert desk.status() == "ready"
    kassa.fault = ""
    as_another_agent(desk, "600000")
    kassa.agents.add("600000")
    later(desk, kassa, minutes=3)
    assert (desk.status(), len(kassa.payouts)) == ("succeeded", 1)


def test_what_another_agent_was_asked_between_reading_and_sending_is_not_sent(
    desk: Desk, kassa: Kassa
) -> None:
    """The account is looked at once more under the lock, where it is taken for sending."""
    requested(desk)
    kassa.fault, kassa.finds = "drop", False
    desk.run_job()
    seen = desk.runtime.database.read(models.payout, "p1")
    other = gateway(desk, yookassa_agent_id="600000")
    assert desk.runtime.database.run(attempts.begin_sending, seen, other) is None
    assert (desk.status(), len(kassa.payouts)) == ("unknown", 1)


def test_a_notice_only_makes_billing_ask(desk: Desk, kassa: Kassa) -> None:
    requested(desk)
    kassa.status = "pending"
    desk.work()
    assert tell(desk, "payout.succeeded", {"id": "po-1", "status": "succeeded"}) == 200
    desk.work()
    assert (desk.status(), desk.said()) == ("unknown", [])  # it was not true
    kassa.settle()
    assert tell(desk, "payout.canceled", {"id": "po-1", "status": "canceled"}) == 200
    desk.work()
    assert (desk.status(), desk.said()) == ("succeeded", [("succeeded", "p1")])


def test_a_notice_helps_where_the_answer_was_lost(desk: Desk, kassa: Kassa) -> None:
    requested(desk)
    kassa.fault = "drop"
    desk.run_job()
    assert desk.status() == "unknown"
    (payout,) = kassa.payouts.values()
    assert tell(desk, "payout.succeeded", payout) == 200
    desk.run_job()
    assert (desk.status(), len(kassa.payouts)) == ("succeeded", 1)


def test_strangers_cannot_fill_the_table_or_choose_what_is_asked(desk: Desk, kassa: Kassa) -> None:
    requested(desk)
    kassa.status = "pending"
    desk.work()
    key = the_key(kassa)
    for number in range(20):
        forged = {"id": f"po-x{number}", "metadata": {"payout_key": key}}
        assert tell(desk, "payout.succeeded", forged) == 200
        assert tell(desk, "payout.succeeded", forged | {"metadata": {}}) == 200
        stranger = {"id": "po-y", "metadata": {"payout_key": f"{key}.{number + 1}"}}
        assert tell(desk, "payout.succeeded", stranger) == 200
    assert len(desk.table(notices.gateway_notices)) == 1
    desk.work()
    assert not [call for call in kassa.calls if "po-x" in call or "po-y" in call]
    bad: list[Any] = [[], "x", {"id": 1}, {"id": None}, {}]
    assert {tell(desk, "payout.succeeded", each) for each in bad} == {401}
    assert tell(desk, "payment.succeeded", {"id": "po-1"}) == 401
    client = desk.bench.client()
    for body in (b"", b"{", b"[" * 16_000, b"\xff"):
        assert client.post(WEBHOOK, data=body).status_code == 401
    assert client.post(WEBHOOK, data=b"x" * 20_000).status_code == 413
    assert tell(desk, "payout.succeeded", {"id": "é", "metadata": {"payout_key": "é"}}) == 200


def test_there_is_no_webhook_where_yookassa_is_off(desk: Desk) -> None:
    object.__setattr__(desk.runtime.settings, "yookassa_agent_id", "")
    assert tell(desk, "payout.succeeded", {"id": "po-1"}) == 404


def test_its_payouts_cannot_be_compared_and_are_not_missing(desk: Desk) -> None:
    requested(desk)
    desk.work()
    now = desk.bench.clock.now()
    with pytest.raises(NoBook):
        gateway(desk).book(now, now)
    look = reconciliation.look(desk.runtime, YESTERDAY, YESTERDAY)
    assert (look.compared, look.bookless) == (1, {"yookassa"})
    assert Kind.NO_TRANSFER not in {difference.kind for difference in look.found}
    days = {"from": YESTERDAY.isoformat(), "to": YESTERDAY.isoformat()}
    page = desk.accountant.get("/billing/reconciliation", query_string=days).text
    assert "YooKassa shows no book" in page
    finding = checks.run(desk.runtime)[-1]
    assert (finding.name, finding.detail) == (
        "succeeded payouts are the gateway's book (yookassa)",
        "cannot be compared: it shows no book",
    )


@pytest.mark.parametrize("fault", ["drop", "error_after", "proxy", "busy", "another card"])
def test_the_card_and_the_secret_are_in_no_log_reason_or_event(
    desk: Desk, kassa: Kassa, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    requested(desk)
    kassa.fault = "drop" if fault == "another card" else fault
    kassa.finds = False
    with capture_logs() as logged:
        desk.run_job()
        if fault == "another card":
            kassa.fault = ""
            desk.store_card(number=OTHER_CARD)
        later(desk, kassa, minutes=3)
    said = f"{logged} {caplog.text} {desk.payout()} {desk.bench.emitted()}"
    said += str([desk.table(table) for table in (models.payouts, history.payout_transitions)])
    assert "POST /v3/payouts" in caplog.text
    assert fault == "busy" or "'payout': 'p1'" in str(logged)
    for secret in (GOOD_CARD, OTHER_CARD, SECRET):
        assert secret not in said


def test_an_error_does_not_carry_the_request(desk: Desk, kassa: Kassa) -> None:
    kassa.fault = "drop"
    with pytest.raises(AnswerLost) as lost:
        gateway(desk).pay("k", 100, "RUB", GOOD)
    assert GOOD_CARD not in repr((lost.value, lost.value.args, lost.value.__cause__))

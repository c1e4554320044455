"""What no program can settle is handed to a person, and what he says is written down."""

from datetime import timedelta

import pytest

from bank import faults
from billing import answers, attempts, claims, listing, models
from billing.gateway import Accepted, AnswerLost, Begun, Refused, Returned
from billing.gateways.bank import BankGateway
from tests.integration.billing.conftest import API, Desk
from tests.integration.billing.test_exactly_once import Bank, bank, loses, nothing

__all__ = ["bank"]


def lose_it_for(desk: Desk, bank: Bank, **time: float) -> None:
    """A call without an answer, and a bank that is away for so long."""
    bank.after = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = loses("ask", AnswerLost())
    desk.bench.clock.advance(**time)
    desk.work()
    bank.before = bank.after = nothing


def decide(desk: Desk, **form: str) -> int:
    return desk.accountant.post("/billing/payouts/p1/decide", data=form).status_code


def open_claims(desk: Desk) -> list[tuple[str, str, int | None]]:
    found = desk.runtime.database.read(claims.of_payout, "p1")
    return [(c.kind, c.reference, c.amount) for c in found if not c.decided_at]


def who_did_it_last(desk: Desk) -> tuple[str, str]:
    move = desk.runtime.database.read(listing.history, "p1")[-1]
    return move.by, move.why


def test_past_the_life_of_its_key_it_is_never_sent_again_but_handed_over(
    desk: Desk, bank: Bank
) -> None:
    bank.before = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = nothing
    desk.bench.clock.advance(hours=23)
    desk.work()
    assert [call for call, _ in bank.calls] == ["pay", "ask"]
    assert (desk.status(), desk.book()) == ("needs_person", [])
    desk.bench.clock.advance(days=3)
    assert not desk.run_job()
    lines = {line.name: line for line in desk.runtime.service.status_lines}
    told = desk.runtime.database.read(lines["payouts_needing_person"].look)
    assert (told.value, told.needs_a_person) == (1, True)


def test_a_bank_that_is_away_for_longer_leaves_it_to_a_person_as_well(
    desk: Desk, bank: Bank
) -> None:
    lose_it_for(desk, bank, hours=23)
    assert desk.status() == "needs_person"


def test_a_person_says_that_it_was_paid(desk: Desk, bank: Bank) -> None:
    lose_it_for(desk, bank, hours=23)
    reference = desk.book()[0].reference
    assert decide(desk, outcome="paid", reference="", reason="asked") == 422
    assert decide(desk, outcome="paid", reference=reference, reason=" ") == 422
    assert decide(desk, outcome="paid", reference=reference, reason="asked the bank") == 303
    assert (desk.status(), desk.payout()["gateway_ref"]) == ("succeeded", reference)
    assert who_did_it_last(desk) == ("u-accountant", "asked the bank")
    assert desk.said() == [("succeeded", "p1")]
    assert desk.check().ok
    assert decide(desk, outcome="not_paid", reason="no") == 409


def test_a_person_says_that_it_was_not_paid_and_it_goes_out_under_the_next_key(
    desk: Desk, bank: Bank
) -> None:
    bank.before = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = nothing
    desk.bench.clock.advance(hours=23)
    desk.work()
    assert decide(desk, outcome="not_paid", reason="the bank knows nothing of it") == 303
    assert (desk.status(), desk.said()) == ("failed", [("failed", "p1")])
    assert desk.accountant.post(f"{API}/payouts/p1/retry").status_code == 200
    desk.work()
    assert desk.status() == "succeeded"
    first, second = bank.calls[0][1], bank.calls[-1][1]
    assert second == f"{first}.1"
    assert desk.check().ok


def test_the_page_asks_the_accountant_and_tells_the_popug(desk: Desk, bank: Bank) -> None:
    lose_it_for(desk, bank, hours=23)
    page = desk.accountant.get("/billing/payouts/p1").text
    assert "What has become of it?" in page
    mine = desk.person().get("/billing/payouts/p1").text
    key = bank.calls[0][1]
    assert key in page and key not in mine, "by it he asks at the bank"
    assert "What has become of it?" not in mine and "An accountant is finding out" in mine
    assert desk.person().post("/billing/payouts/p1/decide", data={}).status_code == 403


def test_another_amount_than_asked_for_is_handed_over(desk: Desk, bank: Bank) -> None:
    bank.answers = [Accepted("SBX-1", 1_000)]
    desk.run_job()
    assert (desk.status(), desk.said()) == ("needs_person", [])
    assert open_claims(desk) == [("other_amount", "SBX-1", 1_000)]
    assert "$10.00" in desk.accountant.get("/billing/payouts/p1").text
    assert decide(desk, outcome="paid", reference="SBX-1", reason="the rest came by hand") == 303
    assert (desk.status(), open_claims(desk)) == ("succeeded", [])


def paid_another_amount(desk: Desk) -> str:
    """The bank has paid a cent less; gives the key."""
    bank_of = BankGateway(desk.runtime)
    bank_of.call("PUT", "/admin/faults", json={faults.WRONG_AMOUNT: 1000})
    desk.work()
    bank_of.call("PUT", "/admin/faults", json={})
    assert desk.status() == "needs_person"
    return desk.book()[0].key


def test_not_paid_is_refused_over_the_banks_own_paid(desk: Desk, bank: Bank) -> None:
    paid_another_amount(desk)
    said = {"outcome": "not_paid", "reason": "it seems so"}
    for _ in range(2):
        answer = desk.accountant.post(f"{API}/payouts/p1/decide", json=said)
        assert (answer.status_code, answer.content_type) == (409, "application/problem+json")
        assert desk.book()[0].reference in answer.get_json()["detail"]
        assert desk.accountant.post(f"{API}/payouts/p1/retry").status_code == 409
        # Settling the claim in words does not bring the money back.
        desk.accountant.post(f"{API}/payouts/p1/settle", json={"reason": "it seems so"})
    desk.work()
    assert (desk.status(), len(desk.book())) == ("needs_person", 1)


def test_once_another_amount_has_come_back_it_is_paid_anew(desk: Desk, bank: Bank) -> None:
    paid_another_amount(desk)
    (line,) = desk.book()
    BankGateway(desk.runtime).call("POST", f"/admin/transfers/{line.reference}/return")
    assert desk.accountant.post(f"{API}/payouts/p1/ask").status_code == 202
    desk.work()
    assert (desk.status(), open_claims(desk)) == ("failed", [])
    assert desk.accountant.post(f"{API}/payouts/p1/retry").status_code == 200
    desk.work()
    assert [(line.amount, line.status) for line in desk.book()] == [
        (1_249, "returned"),
        (1_250, "paid"),
    ]
    assert (desk.status(), desk.check().ok) == ("succeeded", True)


def test_not_paid_is_refused_while_an_older_key_is_paid(desk: Desk, bank: Bank) -> None:
    bank.answers = [Refused("declined", final=True)]
    desk.run_job()
    key = bank.calls[0][1]
    desk.accountant.post(f"{API}/payouts/p1/retry")
    bank.before = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = nothing
    desk.runtime.database.run(answers.record_paid, "p1", Accepted("SBX-9", 1_250), key)
    desk.bench.clock.advance(hours=23)
    desk.work()
    assert desk.status() == "needs_person"
    assert decide(desk, outcome="not_paid", reason="of the last one") == 409
    desk.runtime.database.run(answers.record_returned, "p1", Returned("SBX-9", "closed"), key)
    assert decide(desk, outcome="not_paid", reason="all is back") == 303
    assert desk.status() == "failed"


def test_the_page_says_that_another_amount_was_paid(desk: Desk, bank: Bank) -> None:
    paid_another_amount(desk)
    page = desk.accountant.get("/billing/payouts/p1").text
    assert "The bank has paid another amount than it was asked to" in page
    assert "We cannot know" not in page and 'value="not_paid"' not in page
    assert f'value="{desk.book()[0].reference}"' in page
    mine = desk.person().get("/billing/payouts/p1").text
    assert "The bank has paid another amount than this" in mine
    assert "could not tell us whether it has paid" not in mine


def cancelled(desk: Desk, bank: Bank) -> None:
    bank.answers = [Refused("declined", final=True)]
    desk.run_job()
    answer = desk.accountant.post(f"{API}/payouts/p1/cancel", json={"reason": "he left"})
    assert answer.status_code == 200


def test_a_late_paid_after_a_cancel_is_noted_once_and_shown_until_it_is_settled(
    desk: Desk, bank: Bank
) -> None:
    cancelled(desk, bank)
    key = bank.calls[0][1]
    for _ in range(2):
        said = desk.runtime.database.run(answers.record_paid, "p1", Accepted("SBX-9", 1_250), key)
        assert said is None
    assert (desk.status(), open_claims(desk)) == ("cancelled", [("paid", "SBX-9", 1_250)])
    assert desk.said() == [("failed", "p1"), ("cancelled", "p1")]
    to = desk.accountant.get("/billing/payouts/claims").headers["Location"]
    assert to.endswith("/billing/payouts/p1")
    page = desk.accountant.get("/billing/payouts/p1").text
    assert "The bank says something else" in page and "SBX-9" in page
    settle = "/billing/payouts/p1/settle"
    assert desk.accountant.post(settle, data={"reason": ""}).status_code == 422
    assert desk.accountant.post(settle, data={"reason": "he gave it back"}).status_code == 303
    assert open_claims(desk) == []
    assert "he gave it back" in desk.accountant.get("/billing/payouts/p1").text
    assert desk.accountant.get("/billing/payouts/claims").headers["Location"].endswith("/payouts")


def test_paid_after_all_under_an_older_key_is_taken_before_the_next_is_sent(
    desk: Desk, bank: Bank
) -> None:
    bank.answers = [Refused("declined", final=True)]
    desk.run_job()
    key = bank.calls[0][1]
    desk.accountant.post(f"{API}/payouts/p1/retry")
    desk.runtime.database.run(answers.record_paid, "p1", Accepted("SBX-9", 1_250), key)
    assert (desk.status(), desk.said()[-1]) == ("succeeded", ("succeeded", "p1"))
    assert not desk.run_job()


def test_paid_under_an_older_key_while_the_next_is_out_is_for_a_person(
    desk: Desk, bank: Bank
) -> None:
    bank.answers = [Refused("declined", final=True)]
    desk.run_job()
    key = bank.calls[0][1]
    desk.accountant.post(f"{API}/payouts/p1/retry")
    bank.after = loses("pay", AnswerLost())
    desk.run_job()
    bank.after = nothing
    desk.runtime.database.run(answers.record_paid, "p1", Accepted("SBX-9", 1_250), key)
    assert (desk.status(), open_claims(desk)) == ("unknown", [("paid", "SBX-9", 1_250)])


@pytest.mark.parametrize("what", ["retry", "cancel"])
def test_what_an_older_key_has_paid_is_settled_before_anything_else_is_done(
    desk: Desk, bank: Bank, what: str
) -> None:
    """Refused, sent again; the first is paid after all while the second is out, and refused."""
    bank.answers = [Refused("declined", final=True)]
    desk.run_job()
    key = bank.calls[0][1]
    desk.accountant.post(f"{API}/payouts/p1/retry")
    bank.before = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = nothing
    desk.runtime.database.run(answers.record_paid, "p1", Accepted("SBX-9", 1_250), key)
    bank.told = [Refused("declined", final=True)]
    desk.bench.clock.advance(minutes=3)
    desk.work()
    assert (desk.status(), open_claims(desk)) == ("failed", [("paid", "SBX-9", 1_250)])
    path, body = f"{API}/payouts/p1/{what}", {"reason": "it was refused"}
    answer = desk.accountant.post(path, json=body)
    assert (answer.status_code, desk.status()) == (409, "failed")
    assert "SBX-9" in answer.get_json()["detail"]
    assert f"/payouts/p1/{what}" not in desk.accountant.get("/billing/payouts/p1").text
    desk.accountant.post(f"{API}/payouts/p1/settle", json={"reason": "he gave it back"})
    assert f"/payouts/p1/{what}" in desk.accountant.get("/billing/payouts/p1").text
    assert desk.accountant.post(path, json=body).status_code == 200


def test_what_the_bank_has_begun_is_asked_for_by_its_reference(desk: Desk, bank: Bank) -> None:
    bank.answers = [Begun("YOO-1")]
    desk.run_job()
    assert (desk.status(), desk.payout()["gateway_ref"]) == ("unknown", "YOO-1")
    bank.told = [Begun("YOO-1"), Accepted("YOO-1", 1_250)]
    for _ in range(2):
        desk.bench.clock.advance(minutes=3)
        desk.work()
    assert (desk.status(), desk.payout()["gateway_ref"]) == ("succeeded", "YOO-1")
    assert [call for call, _ in bank.calls] == ["pay", "ask", "ask"]


@pytest.mark.parametrize("final", [True, False])
def test_a_call_that_is_turned_away_says_nothing_of_the_one_before_it(
    desk: Desk, bank: Bank, final: bool
) -> None:
    bank.before = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = nothing
    bank.answers = [Refused("too busy", final=final, this_call_only=True)]
    desk.bench.clock.advance(seconds=5)
    desk.run_job()
    assert (desk.status(), desk.said()) == ("unknown", [])
    desk.bench.clock.advance(minutes=3)
    desk.work()
    assert (desk.status(), len(desk.book())) == ("succeeded", 1)


def test_what_is_certainly_not_paid_goes_out_under_a_fresh_key_when_the_old_has_run_out(
    desk: Desk, bank: Bank
) -> None:
    bank.answers = [Refused("too busy", final=False)]
    desk.run_job()
    desk.bench.clock.advance(days=2)
    desk.work()
    assert desk.status() == "succeeded"
    assert [key.partition(".")[2] for _, key in bank.calls] == ["", "1"]
    assert desk.check().ok


def test_the_clock_of_a_key_begins_with_its_first_sending(desk: Desk, bank: Bank) -> None:
    seen = desk.runtime.database.read(models.payout, "p1")
    begun = desk.runtime.database.run(attempts.begin_sending, seen, bank)
    assert begun is not None
    assert begun[0].key_used_at == desk.bench.clock.now()
    desk.bench.clock.advance(minutes=1)
    desk.work()
    payout = desk.runtime.database.read(models.payout, "p1")
    assert payout.key_used_at == desk.bench.clock.now() - timedelta(minutes=1)

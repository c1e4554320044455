"""Payouts from the request to the money, the retry and the cancellation (rule 14)."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from billing import listing, models, words
from chassis import migrations, outbox, parking
from contracts.billing import PayoutCancelled, PayoutFailed, PayoutSucceeded
from tests.integration.billing.conftest import (
    API,
    DECLINED_CARD,
    GOOD_CARD,
    YESTERDAY,
    Desk,
    requested,
)


def failed(desk: Desk) -> None:
    desk.store_card(number=DECLINED_CARD)
    desk.request()
    desk.run_job()
    assert desk.status() == "failed"


def test_the_migrated_schema_is_the_declared_one(desk: Desk) -> None:
    found = migrations.differences(desk.runtime.database, models.metadata, outbox.metadata)
    assert found == []


def test_a_requested_payout_goes_out_to_the_stored_card(desk: Desk) -> None:
    desk.store_card()
    desk.request()
    assert desk.status() == "ready"
    assert desk.run_job()
    (transfer,) = desk.book()
    assert desk.payout() == {
        "id": "p1",
        "user_id": "ann",
        "date": "2026-03-09",
        "amount": 1_250,
        "currency": "USD",
        "status": "succeeded",
        "gateway_ref": transfer.reference,
        "attempts": 1,
        "reason": None,
        "updated_at": "2026-03-10T12:00:00Z",
    }
    assert transfer.amount == 1_250
    assert desk.moves() == ["ready", "sending", "succeeded"]
    (event,) = desk.bench.emitted()
    assert event == PayoutSucceeded(payout_id="p1", user_id="ann", date=YESTERDAY, amount=1_250)
    assert not desk.run_job()


def test_without_a_card_it_waits_and_goes_out_by_itself_once_there_is_one(desk: Desk) -> None:
    desk.request("p1")
    desk.request("p2", day=date(2026, 3, 8))
    desk.request("p3", user_id="bob")
    assert not desk.run_job()
    assert desk.status("p1") == desk.status("p2") == "waiting_for_card"
    desk.store_card("ann")
    assert desk.status("p1") == desk.status("p2") == "ready"
    desk.work()
    assert desk.status("p1") == desk.status("p2") == "succeeded"
    assert desk.status("p3") == "waiting_for_card"
    assert desk.moves("p1") == ["waiting_for_card", "ready", "sending", "succeeded"]
    assert sorted(t.amount for t in desk.book()) == [1_250, 1_250]


def test_storing_a_card_wakes_the_job(desk: Desk) -> None:
    desk.request()
    woken: list[str] = []
    desk.runtime.database.on_wake = woken.append
    desk.store_card()
    desk.request("p2", day=date(2026, 3, 8))
    assert woken == ["send payouts", "send payouts"]


def test_a_card_stored_at_the_moment_of_the_request_is_noticed_by_the_job(desk: Desk) -> None:
    desk.request()
    desk.store_card()
    with desk.runtime.database.transaction() as tx:  # as if neither had seen the other
        tx.execute(models.payouts.update().values(status="waiting_for_card", next_attempt_at=None))
    desk.work()
    assert desk.status() == "succeeded"


def test_a_removed_card_makes_what_was_ready_wait_again(desk: Desk) -> None:
    desk.store_card()
    desk.request()
    assert desk.person().delete(f"{API}/cards/me").status_code == 204
    assert desk.status() == "waiting_for_card"
    desk.work()
    assert desk.book() == []
    assert desk.person().delete(f"{API}/cards/me").status_code == 204


def test_a_refusal_for_good_fails_with_the_reason(desk: Desk) -> None:
    failed(desk)
    assert desk.payout()["reason"] == "card declined"
    assert desk.bench.emitted() == [
        PayoutFailed(
            payout_id="p1", user_id="ann", date=YESTERDAY, amount=1_250, reason="card declined"
        )
    ]
    assert desk.book() == []
    assert not desk.run_job()


def test_a_retry_with_a_better_card_pays_under_the_next_key(desk: Desk) -> None:
    failed(desk)
    (before,) = desk.table(models.payouts)
    desk.store_card(number=GOOD_CARD)
    answer = desk.accountant.post(f"{API}/payouts/p1/retry")
    assert (answer.status_code, answer.get_json()["status"]) == (200, "ready")
    desk.work()
    payout = desk.payout()
    assert (payout["status"], payout["attempts"], payout["reason"]) == ("succeeded", 2, None)
    assert [t.key for t in desk.book()] == [f"{before.idempotency_key}.1"]
    assert desk.moves() == ["ready", "sending", "failed", "ready", "sending", "succeeded"]


def test_a_retry_without_a_card_waits_for_one(desk: Desk) -> None:
    failed(desk)
    desk.person().delete(f"{API}/cards/me")
    answer = desk.accountant.post(f"{API}/payouts/p1/retry")
    assert answer.get_json()["status"] == "waiting_for_card"
    desk.store_card()
    desk.work()
    assert desk.status() == "succeeded"


def test_only_a_failed_payout_is_sent_again(desk: Desk) -> None:
    desk.store_card()
    desk.request()
    desk.run_job()
    answer = desk.accountant.post(f"{API}/payouts/p1/retry")
    assert answer.status_code == 409
    assert "succeeded" in answer.get_json()["detail"]
    assert desk.accountant.post(f"{API}/payouts/nothing/retry").status_code == 404


@pytest.mark.parametrize("before", ["failed", "waiting_for_card", "ready"])
def test_a_cancellation_is_said_once_and_done_once(desk: Desk, before: str) -> None:
    if before == "failed":
        failed(desk)
    else:
        if before == "ready":
            desk.store_card()
        desk.request()
    path = f"{API}/payouts/p1/cancel"
    answer = desk.accountant.post(path, json={"reason": "he has left"})
    assert answer.status_code == 200
    assert (answer.get_json()["status"], answer.get_json()["reason"]) == (
        "cancelled",
        "he has left",
    )
    again = desk.accountant.post(path, json={"reason": "he has left"})
    assert again.status_code == 409
    cancelled = [e for e in desk.bench.emitted() if isinstance(e, PayoutCancelled)]
    assert cancelled == [
        PayoutCancelled(
            payout_id="p1", user_id="ann", date=YESTERDAY, amount=1_250, reason="he has left"
        )
    ]
    desk.store_card()
    desk.work()
    assert (desk.status(), desk.book()) == ("cancelled", [])
    assert desk.accountant.post(f"{API}/payouts/p1/retry").status_code == 409


def test_what_is_paid_cannot_be_cancelled(desk: Desk) -> None:
    desk.store_card()
    desk.request()
    desk.run_job()
    answer = desk.accountant.post(f"{API}/payouts/p1/cancel", json={"reason": "too late"})
    assert answer.status_code == 409
    assert desk.said() == [("succeeded", "p1")]


def test_sixteen_cancellations_and_the_job_at_once_have_one_outcome(desk: Desk) -> None:
    desk.store_card()
    desk.request()

    def cancel(_: int) -> int:
        path = f"{API}/payouts/p1/cancel"
        return desk.accountant.post(path, json={"reason": "why"}).status_code

    with ThreadPoolExecutor(9) as pool:
        job = pool.submit(desk.run_job)
        answers = list(pool.map(cancel, range(16)))
        job.result()
    if desk.status() == "succeeded":
        assert answers == [409] * 16
        assert (len(desk.book()), desk.said()) == (1, [("succeeded", "p1")])
    else:
        assert sorted(answers) == [200] + [409] * 15
        assert (desk.book(), desk.said()) == ([], [("cancelled", "p1")])


@pytest.mark.parametrize("seed", range(5))
def test_requests_in_any_order_and_number_make_the_same_payouts(desk: Desk, seed: int) -> None:
    desk.store_card("ann")
    days = [date(2026, 3, day) for day in range(1, 6)]
    events = [
        requested(f"{user}-{day}", user, 100 + day.day, day)
        for user in ("ann", "bob")
        for day in days
    ]
    order = random.Random(seed)
    bodies = [desk.bench.envelope(event, f"e-{event.payout_id}") for event in events]
    # The same business fact under another event id is harmless too.
    bodies += [desk.bench.envelope(event) for event in events]
    sent = [body for body in bodies for _ in range(order.randint(1, 4))]
    order.shuffle(sent)
    while sent:
        size = order.randint(1, 7)
        desk.runtime.consumer.deliver(sent[:size])
        del sent[:size]
    desk.work()
    found = {(r.id, r.amount, r.status, r.attempts) for r in desk.table(models.payouts)}
    assert found == {
        *((f"ann-{day}", 100 + day.day, "succeeded", 1) for day in days),
        *((f"bob-{day}", 100 + day.day, "waiting_for_card", 0) for day in days),
    }
    assert sorted(t.amount for t in desk.book()) == [101, 102, 103, 104, 105]
    assert desk.runtime.database.read(parking.count) == 0


def test_a_second_payout_of_the_day_is_parked_and_its_neighbours_go_on(desk: Desk) -> None:
    desk.request("p1")
    desk.bench.hear(requested("p2"), requested("p3", "bob"), requested("p4", "cid", 0))
    assert {row.id for row in desk.table(models.payouts)} == {"p1", "p3"}
    reasons = [row.reason for row in desk.table(parking.parked)]
    assert sorted(reasons) == ["NothingToPay: p4", "SecondPayoutOfTheDay: p2 beside p1"]


def test_every_reason_that_we_note_ourselves_can_be_said_in_another_language(desk: Desk) -> None:
    desk.request("p1")
    desk.store_card()
    desk.person().delete(f"{API}/cards/me")
    desk.store_card(number=DECLINED_CARD)
    desk.run_job()
    desk.accountant.post(f"{API}/payouts/p1/retry")
    desk.store_card()
    desk.run_job()
    moves = desk.runtime.database.read(listing.history, "p1")
    noted = [move.why for move in moves]
    assert "sent again by hand" in noted and noted[-1] == "accepted"
    unknown = {why for why in noted if not why.startswith("attempt ")} - set(words.WHYS)
    assert unknown == set()


def test_a_reason_is_shown_as_written_unless_it_is_one_of_ours(desk: Desk) -> None:
    with desk.bench.embedded.apps["billing"].test_request_context():
        assert words.why("Card is gone") == "Card is gone"
        assert words.why("attempt 2 at sandbox") == "attempt 2 at sandbox"

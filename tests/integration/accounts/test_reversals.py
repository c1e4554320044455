"""Mistakes are corrected by reversing transactions; cancelled payouts come back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from werkzeug.test import TestResponse

from accounts import closing
from chassis import outbox, parking, tracing
from chassis.database import Database
from chassis.events import Envelope, decode, encode
from chassis.ids import new_id
from contracts.accounts import TransactionReversed
from tests.integration.accounts.desk import (
    API,
    TODAY,
    assigned,
    at,
    balances,
    booked,
    cancelled,
    closed,
    payouts,
    recorded,
)
from tests.support import Workbench


def _reverse(
    bench: Workbench, transaction_id: str, role: str = "accountant", reason: str = "a mistake"
) -> TestResponse:
    body = {"transaction_id": transaction_id, "reason": reason}
    return bench.client(role).post(f"{API}/reversals", json=body)


@pytest.fixture
def fee(bench: Workbench, database: Database) -> str:
    """The transaction of a fee of 15.00 for Ann."""
    bench.hear(assigned("a1", "ann", 1500, task_id="t1"))
    return str(booked(database, "transaction_id")[0])


def test_a_reversed_fee_comes_back_with_reason_and_name(
    bench: Workbench, database: Database, fee: str
) -> None:
    answer = _reverse(bench, fee)
    assert answer.status_code == 201
    made = answer.get_json()
    assert {key: made[key] for key in made if key != "id"} == {
        "datetime": "2026-03-10T12:00:00Z",
        "day": "2026-03-10",
        "user_id": "ann",
        "kind": "reversal",
        "task_id": "t1",
        "sum": 1500,
        "balance": 0,
        "note": "a mistake",
    }
    assert booked(database, "sum", "reverses", "reversed_kind", "made_by") == [
        (-1500, None, None, None),
        (1500, fee, "fee", "u-accountant"),
    ]
    assert bench.emitted() == [
        TransactionReversed(
            transaction_id=made["id"],
            reverses=fee,
            user_id="ann",
            sum=1500,
            date=TODAY,
            reason="a mistake",
        )
    ]


def test_a_reversed_reward_is_taken_back(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 3000))
    (reward,) = booked(database, "transaction_id")
    assert _reverse(bench, reward, "admin").get_json()["sum"] == -3000
    assert balances(database) == {"ann": 0}


def test_a_transaction_is_reversed_once(bench: Workbench, database: Database, fee: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: _reverse(bench, fee).status_code, range(4)))
    assert sorted(answers) == [201, 409, 409, 409]
    assert balances(database) == {"ann": 0}


def test_a_reversal_is_not_reversed(bench: Workbench, fee: str) -> None:
    reversal = _reverse(bench, fee).get_json()["id"]
    answer = _reverse(bench, reversal)
    assert answer.status_code == 422
    assert "only fees and rewards" in answer.get_json()["detail"]


def test_a_payout_is_not_reversed_by_hand(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 3000))
    closing.close_day(database, TODAY, "carol")
    (payout,) = booked(database, "transaction_id", kind="payout")
    answer = _reverse(bench, payout)
    assert answer.status_code == 422
    assert "billing" in answer.get_json()["detail"]
    assert balances(database) == {"ann": 0}


def test_an_unknown_transaction_is_not_found(bench: Workbench) -> None:
    for transaction_id in ("nothing", "попуг", "a b", "x" * 64):
        assert _reverse(bench, transaction_id).status_code == 404


def test_only_bookkeepers_correct(bench: Workbench, fee: str) -> None:
    for role in ("worker", "manager"):
        assert _reverse(bench, fee, role).status_code == 403


def test_a_reason_is_asked_for(bench: Workbench, database: Database, fee: str) -> None:
    client = bench.client("admin")
    wrong = ("", "   ", "x" * 501, "a\x00b", "\x1b[2J", "\x7f", None, 5, ["x"], "\ud800")
    for reason in wrong:
        body = {"transaction_id": fee, "reason": reason}
        answer = client.post(f"{API}/reversals", json=body)
        assert answer.status_code == 422, reason
        assert answer.get_json()["detail"]
    assert balances(database) == {"ann": -1500}


def test_a_body_of_another_shape_is_refused(bench: Workbench) -> None:
    client = bench.client("admin")
    bodies: tuple[object, ...] = (
        {},
        {"transaction_id": "x"},
        {"reason": "x"},
        {"transaction_id": "", "reason": "x"},
        {"transaction_id": "x" * 65, "reason": "x"},
        {"transaction_id": 7, "reason": "x"},
        {"transaction_id": "x", "reason": "x", "sum": 5},
    )
    for body in bodies:
        assert client.post(f"{API}/reversals", json=body).status_code == 422, body


def test_the_longest_reason_is_kept_whole(bench: Workbench, fee: str) -> None:
    reason = "ж" * 500
    assert _reverse(bench, fee, reason=reason).get_json()["note"] == reason


def test_a_correction_of_a_closed_day_is_booked_on_the_open_one(
    bench: Workbench, database: Database, fee: str
) -> None:
    closing.close_day(database, TODAY, "carol")
    assert _reverse(bench, fee).get_json()["day"] == "2026-03-11"
    bench.clock.put(at(12))
    fee_of_today = assigned("a2", "ann", 1000, at(12))
    bench.hear(fee_of_today)
    (later,) = booked(database, "transaction_id", source_id="a2")
    assert _reverse(bench, later).get_json()["day"] == "2026-03-12"


@pytest.fixture
def payout(bench: Workbench, database: Database) -> str:
    """A payout of 30.00 to Ann for the 10th; it is the 11th now."""
    bench.hear(closed("t1", "ann", 3000))
    bench.clock.put(at(11))
    bench.runtime().jobs.run_all()
    (payout_id,) = booked(database, "transaction_id", kind="payout")
    return str(payout_id)


def test_a_cancelled_payout_returns_to_the_account(
    bench: Workbench, database: Database, payout: str
) -> None:
    bench.hear(cancelled(payout, "ann", 3000, "no such card"))
    assert booked(database, "sum", "day", "reverses", "note", kind="reversal") == [
        (3000, date(2026, 3, 11), payout, "no such card")
    ]
    assert balances(database) == {"ann": 3000}
    (said,) = [e for e in bench.emitted() if isinstance(e, TransactionReversed)]
    assert (said.reverses, said.user_id, said.sum, said.date, said.reason) == (
        payout,
        "ann",
        3000,
        date(2026, 3, 11),
        "no such card",
    )


def test_a_payout_is_returned_once_however_often_it_is_cancelled(
    bench: Workbench, database: Database, payout: str
) -> None:
    bench.hear(cancelled(payout, "ann", 3000), cancelled(payout, "ann", 3000))
    bench.hear(cancelled(payout, "ann", 3000, "again"))
    assert balances(database) == {"ann": 3000}
    assert len([e for e in bench.emitted() if isinstance(e, TransactionReversed)]) == 1


def test_a_returned_payout_is_paid_on_the_next_close(
    bench: Workbench, database: Database, payout: str
) -> None:
    bench.hear(cancelled(payout, "ann", 3000))
    bench.clock.put(at(12))
    bench.runtime().jobs.run_all()
    assert payouts(database) == {("ann", TODAY, 3000), ("ann", date(2026, 3, 11), 3000)}
    assert recorded(database)[date(2026, 3, 11)] == ("closed", 1, 3000)


@pytest.mark.parametrize(
    ("user_id", "amount", "known", "reason"),
    [
        ("ann", 3000, False, "UnknownPayout"),
        ("ann", 2999, True, "PayoutDiffers"),
        ("bob", 3000, True, "PayoutDiffers"),
    ],
)
def test_a_cancellation_that_fits_no_payout_is_parked(
    bench: Workbench,
    database: Database,
    payout: str,
    user_id: str,
    amount: int,
    known: bool,
    reason: str,
) -> None:
    bench.hear(
        cancelled(payout if known else "never-made", user_id, amount), closed("t2", "bob", 1)
    )
    assert balances(database) == {"ann": 0, "bob": 1}
    with database.reading() as reading:
        (parked,) = parking.waiting(reading)
    assert parked.reason.startswith(reason)


def test_a_reversal_that_no_payout_could_carry_is_refused(bench: Workbench, fee: str) -> None:
    bench.hear(closed("t1", "ann", 9_000_000_000_000), closed("t2", "ann", 1))
    refused = _reverse(bench, fee)
    assert refused.status_code == 422
    assert "larger than anybody can be paid" in refused.text


def test_a_returned_payout_is_told_under_the_trace_of_its_cancelling(
    bench: Workbench, database: Database
) -> None:
    bench.hear(closed("t1", "ann", 3000))
    closing.close_day(database, TODAY, "carol")
    (payout,) = booked(database, "transaction_id", kind="payout")
    here = tracing.new_traceparent()
    event = cancelled(payout, "ann", 3000)
    envelope = Envelope(new_id(), "/popug/billing", bench.clock.now(), event, here)
    bench.runtime().consumer.deliver([encode(envelope)])
    told = decode(max(database.read(outbox.unsent, 100), key=lambda sent: sent.position).body)
    assert isinstance(told.data, TransactionReversed)
    assert tracing.trace_id_of(told.traceparent) == tracing.trace_id_of(here)

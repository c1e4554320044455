"""The life of a payout (rule 14)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from billing import domain, domain_moves
from billing.domain import Payout, PayoutStatus
from billing.domain_moves import TRANSITIONS
from billing.models import payouts

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
S = PayoutStatus


def payout(status: PayoutStatus = S.READY, **changes: object) -> Payout:
    made = Payout(
        id="p1",
        user_id="ann",
        date=date(2026, 3, 9),
        amount=1_250,
        currency="USD",
        status=status,
        gateway="sandbox",
        idempotency_key="k1",
        gateway_ref=None,
        attempts=0,
        reason=None,
        created_at=NOON,
        updated_at=NOON,
        next_attempt_at=NOON,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_table_of_transitions_is_that_of_the_contract() -> None:
    allowed = {(a.value, b.value) for a, following in TRANSITIONS.items() for b in following}
    assert allowed == {
        ("waiting_for_card", "ready"),
        ("waiting_for_card", "cancelled"),
        ("waiting_for_card", "succeeded"),
        ("waiting_for_card", "needs_person"),
        ("ready", "sending"),
        ("ready", "waiting_for_card"),
        ("ready", "cancelled"),
        ("ready", "succeeded"),
        ("ready", "needs_person"),
        ("sending", "succeeded"),
        ("sending", "failed"),
        ("sending", "unknown"),
        ("sending", "ready"),
        ("sending", "needs_person"),
        ("unknown", "succeeded"),
        ("unknown", "failed"),
        ("unknown", "sending"),
        ("unknown", "needs_person"),
        ("needs_person", "succeeded"),
        ("needs_person", "failed"),
        ("failed", "ready"),
        ("failed", "waiting_for_card"),
        ("failed", "cancelled"),
        ("failed", "succeeded"),
        ("failed", "needs_person"),
        ("succeeded", "failed"),
    }


def test_every_move_beside_the_table_is_refused() -> None:
    for before in PayoutStatus:
        for after in set(PayoutStatus) - TRANSITIONS[before]:
            with pytest.raises(domain.MoveNotAllowed):
                domain_moves.move(payout(before), after, NOON)


def test_a_payout_that_succeeds_keeps_the_reference_and_nothing_is_left_to_do() -> None:
    sent = domain_moves.send(payout(), NOON, NOON + timedelta(seconds=15))
    assert (sent.status, sent.attempts) == (S.SENDING, 1)
    assert sent.next_attempt_at == NOON + timedelta(seconds=15)
    paid = domain_moves.succeed(sent, "SBX-1", NOON + timedelta(seconds=1))
    assert (paid.status, paid.gateway_ref, paid.next_attempt_at) == (S.SUCCEEDED, "SBX-1", None)
    assert paid.updated_at == NOON + timedelta(seconds=1)
    assert paid.idempotency_key == "k1"


def test_a_failed_payout_keeps_the_reason_and_loses_it_when_it_is_sent_again() -> None:
    failed = domain_moves.fail(payout(S.SENDING, attempts=1), "card declined", NOON)
    assert (failed.status, failed.reason) == (S.FAILED, "card declined")
    ready = domain_moves.retry(failed, has_card=True, now=NOON)
    assert (ready.status, ready.next_attempt_at) == (S.READY, NOON)
    again = domain_moves.send(ready, NOON, NOON)
    assert (again.attempts, again.reason, again.idempotency_key) == (2, None, "k1")


def test_a_retry_without_a_card_waits_for_one() -> None:
    assert (
        domain_moves.retry(payout(S.FAILED), has_card=False, now=NOON).status is S.WAITING_FOR_CARD
    )


@pytest.mark.parametrize("status", sorted(set(S) - {S.FAILED}))
def test_only_a_failed_payout_can_be_retried(status: PayoutStatus) -> None:
    with pytest.raises(domain.CannotRetry) as refused:
        domain_moves.retry(payout(status), has_card=True, now=NOON)
    assert refused.value.status == status.value


@pytest.mark.parametrize("status", [S.SENDING, S.UNKNOWN, S.SUCCEEDED, S.CANCELLED])
def test_money_that_may_be_paid_cannot_be_cancelled(status: PayoutStatus) -> None:
    with pytest.raises(domain.CannotCancel):
        domain_moves.cancel(payout(status), "why", NOON)


@pytest.mark.parametrize("status", [S.READY, S.WAITING_FOR_CARD, S.FAILED])
def test_money_that_is_certainly_not_paid_can_be_cancelled(status: PayoutStatus) -> None:
    cancelled = domain_moves.cancel(payout(status), "he has left", NOON)
    assert (cancelled.status, cancelled.reason) == (S.CANCELLED, "he has left")
    assert cancelled.next_attempt_at is None


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 10), (2, 20), (3, 40), (5, 120), (99, 120)])
def test_a_refusal_for_now_is_tried_again_after_ever_longer_pauses(
    attempts: int, seconds: int
) -> None:
    later = domain_moves.put_off(payout(S.SENDING, attempts=attempts), "try later", NOON)
    assert later.status is S.READY
    assert later.next_attempt_at == NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(("age", "pause"), [(0, 5), (5, 5), (10, 10), (20, 20), (999, 120)])
def test_questions_are_repeated_after_as_long_as_it_has_been_unknown(age: int, pause: int) -> None:
    now = NOON + timedelta(seconds=age)
    assert domain_moves.ask_again_at(payout(S.UNKNOWN), now) == now + timedelta(seconds=pause)


def test_a_clock_that_was_set_back_does_not_silence_the_questions() -> None:
    earlier = NOON - timedelta(hours=1)
    wanted = earlier + timedelta(seconds=5)
    assert domain_moves.ask_again_at(payout(S.UNKNOWN), earlier) == wanted


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 501, "a\x00b", "a\x1bb", "\ud800"])
def test_reasons_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(domain.ReasonRefused):
        domain.plain_reason(text)


def test_a_reason_becomes_one_line_without_card_numbers() -> None:
    kept = domain.plain_reason(" wrong card\n 4242 4242-4242 4242,  sorry ")
    assert kept == "wrong card ••••, sorry"


def test_a_payout_is_read_from_columns_in_the_order_of_its_fields() -> None:
    assert list(payouts.c.keys()) == list(Payout.__dataclass_fields__)

"""What may happen to a payout: from which status to which, and what becomes of it (rule 14)."""

from dataclasses import replace
from datetime import datetime, timedelta

from billing.domain import (
    IN_FLIGHT,
    LONGEST_WAIT,
    CannotCancel,
    CannotRetry,
    MoveNotAllowed,
    NothingToDecide,
    Payout,
    PayoutStatus,
)

S = PayoutStatus

# What may follow what. `sending → ready` is a refusal for the time being, `unknown → sending`
# the same key once more. What the gateway itself says is true in every status but the last:
# that it has paid after all what it refused, or has taken back what it paid.
TRANSITIONS: dict[PayoutStatus, frozenset[PayoutStatus]] = {
    S.WAITING_FOR_CARD: frozenset({S.READY, S.CANCELLED, S.SUCCEEDED, S.NEEDS_PERSON}),
    S.READY: frozenset({S.SENDING, S.WAITING_FOR_CARD, S.CANCELLED, S.SUCCEEDED, S.NEEDS_PERSON}),
    S.SENDING: frozenset({S.SUCCEEDED, S.FAILED, S.UNKNOWN, S.READY, S.NEEDS_PERSON}),
    S.UNKNOWN: frozenset({S.SUCCEEDED, S.FAILED, S.SENDING, S.NEEDS_PERSON}),
    S.NEEDS_PERSON: frozenset({S.SUCCEEDED, S.FAILED}),
    S.FAILED: frozenset({S.READY, S.WAITING_FOR_CARD, S.CANCELLED, S.SUCCEEDED, S.NEEDS_PERSON}),
    S.SUCCEEDED: frozenset({S.FAILED}),
    S.CANCELLED: frozenset(),
}
# A key is used for this part of the time for which the gateway knows it: clocks differ.
KEY_USE = 0.9
FIRST_WAIT = timedelta(seconds=5)


def move(
    payout: Payout, to: PayoutStatus, now: datetime, next_attempt_at: datetime | None = None
) -> Payout:
    """The payout in its next status. Raises MoveNotAllowed."""
    if to not in TRANSITIONS[payout.status]:
        raise MoveNotAllowed(payout, to)
    return replace(payout, status=to, updated_at=now, next_attempt_at=next_attempt_at)


def send(payout: Payout, now: datetime, until: datetime, account: str = "") -> Payout:
    """Begin one sending as `account`, which belongs to its sender until then."""
    return replace(
        move(payout, S.SENDING, now, until),
        attempts=payout.attempts + 1,
        reason=None,
        key_used_at=payout.key_used_at or now,
        gateway_account=account,
    )


def is_of_another(payout: Payout, account: str) -> bool:
    """Whether it may have been paid under another account, where this one knows nothing of it."""
    sent_as = payout.gateway_account
    return payout.status in IN_FLIGHT and sent_as is not None and sent_as != account


def key_has_run_out(payout: Payout, lifetime: timedelta, now: datetime) -> bool:
    """Whether the gateway may have forgotten the key, and would pay under it again."""
    return payout.key_used_at is not None and now >= payout.key_used_at + lifetime * KEY_USE


def with_next_key(payout: Payout) -> Payout:
    """The same payout under a key that was never sent; nothing was paid under the last."""
    return replace(
        payout, retries=payout.retries + 1, key_used_at=None, in_doubt=False, gateway_ref=None
    )


def succeed(payout: Payout, reference: str, now: datetime) -> Payout:
    """The gateway has paid, under its `reference`."""
    paid = move(payout, S.SUCCEEDED, now)
    return replace(paid, gateway_ref=reference, reason=None, in_doubt=False)


def fail(payout: Payout, reason: str, now: datetime) -> Payout:
    """The gateway has refused for good, or has taken back what it had paid."""
    return replace(move(payout, S.FAILED, now), reason=reason, in_doubt=False)


def hand_over(payout: Payout, reason: str, now: datetime) -> Payout:
    """Only a person can find out what became of it."""
    return replace(move(payout, S.NEEDS_PERSON, now), reason=reason)


def put_off(payout: Payout, reason: str, now: datetime) -> Payout:
    """The gateway has refused this call for now: later, each time after twice as long.

    A call before it may still be on its way to the gateway; then it stays unknown.
    """
    wait = min(FIRST_WAIT * 2 ** min(payout.attempts, 10), LONGEST_WAIT)
    to = S.UNKNOWN if payout.in_doubt else S.READY
    return replace(move(payout, to, now, now + wait), reason=reason)


def lose_sight(payout: Payout, now: datetime, reference: str | None = None) -> Payout:
    """What happened must be asked of the gateway; `reference`: it has begun, and calls it so."""
    lost = move(payout, S.UNKNOWN, now, now + FIRST_WAIT)
    return replace(lost, in_doubt=True, gateway_ref=reference or payout.gateway_ref)


def ask_again_at(payout: Payout, now: datetime) -> datetime:
    """Wait as long again as it has been unknown, within limits: the pauses double."""
    return now + min(max(now - payout.updated_at, FIRST_WAIT), LONGEST_WAIT)


def retry(payout: Payout, has_card: bool, now: datetime) -> Payout:
    """Send a failed payout again, with the next key. Raises CannotRetry."""
    if payout.status is not S.FAILED:
        raise CannotRetry(payout, S.READY)
    again = with_next_key(payout)
    return make_ready(again, now) if has_card else wait_for_card(again, now)


def decide(payout: Payout, reference: str | None, reason: str, now: datetime) -> Payout:
    """What a person has found out: paid under `reference`, or (None) not paid.

    Raises NothingToDecide.
    """
    if payout.status is not S.NEEDS_PERSON:
        raise NothingToDecide(payout, S.SUCCEEDED if reference else S.FAILED)
    return succeed(payout, reference, now) if reference else fail(payout, reason, now)


def cancel(payout: Payout, reason: str, now: datetime) -> Payout:
    """Give the payout up; nothing of it has been paid. Raises CannotCancel."""
    if S.CANCELLED not in TRANSITIONS[payout.status]:
        raise CannotCancel(payout, S.CANCELLED)
    return replace(move(payout, S.CANCELLED, now), reason=reason)


def make_ready(payout: Payout, now: datetime) -> Payout:
    """It can be sent at once."""
    return move(payout, S.READY, now, now)


def wait_for_card(payout: Payout, now: datetime) -> Payout:
    """It cannot be sent before the popug stores a card."""
    return move(payout, S.WAITING_FOR_CARD, now)

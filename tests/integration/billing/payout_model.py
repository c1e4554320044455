"""What must be true of every payout at every moment, said without the code that is checked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from billing import history, models
from billing.claims import RETURNED, payout_claims
from billing.returns import payout_returns
from chassis import events
from chassis.database import Reading
from chassis.outbox import outbox
from contracts.billing import PayoutFailed
from tests.integration.billing.moody_bank import MoodyBank

ALLOWED = {
    None: {"waiting_for_card", "ready"},
    "waiting_for_card": {"ready", "cancelled", "succeeded", "needs_person"},
    "ready": {"sending", "waiting_for_card", "cancelled", "succeeded", "needs_person"},
    "sending": {"succeeded", "failed", "unknown", "ready", "needs_person"},
    "unknown": {"succeeded", "failed", "sending", "needs_person"},
    "needs_person": {"succeeded", "failed"},
    "failed": {"ready", "waiting_for_card", "cancelled", "succeeded", "needs_person"},
    "succeeded": {"failed"},
    "cancelled": set(),
}
OUTCOMES = ("succeeded", "failed", "cancelled")
NOT_PAID = ("waiting_for_card", "ready", "failed", "cancelled")
ENDS = (*OUTCOMES, "waiting_for_card", "needs_person")
# The bank's patience, and what is allowed for our own commits.
LONGEST_SENDING = timedelta(seconds=15)


@dataclass(frozen=True)
class Seen:
    """Everything that is written of the payouts, read in one look."""

    payouts: list[Any]
    history: dict[str, list[Any]]
    said: dict[str, list[tuple[str, int]]]
    failures: dict[str, list[int]]
    claimed: set[tuple[str, str]]
    unsettled: set[str]
    # Of the claims that money is back under another reference, whose nobody has settled.
    may_be_back: set[str]
    back: set[tuple[str, str]]
    cards: set[str]


def look(reading: Reading) -> Seen:
    """Read it; the history is kept of the payouts that are there."""
    rows = reading.execute(select(models.payouts)).all()
    moves = history.payout_transitions
    moved: dict[str, list[Any]] = {row.id: [] for row in rows}
    mine = select(moves).where(moves.c.payout_id.in_(list(moved))).order_by(moves.c.id)
    for move in reading.execute(mine):
        moved[move.payout_id].append(move)
    said: dict[str, list[tuple[str, int]]] = {row.id: [] for row in rows}
    failures: dict[str, list[int]] = {row.id: [] for row in rows}
    for message in reading.execute(select(outbox.c.payload).order_by(outbox.c.position)):
        told: Any = events.decode(message.payload).data
        said[told.payout_id].append((told.type.split(".")[2].removeprefix("payout_"), told.amount))
        if isinstance(told, PayoutFailed):
            failures[told.payout_id].append(told.failure)
    claims = reading.execute(select(payout_claims)).all()
    return Seen(
        list(rows),
        moved,
        said,
        failures,
        {(claim.key, claim.reference) for claim in claims},
        {c.reference for c in claims if c.decided_at is None and c.kind != RETURNED},
        {c.payout_id for c in claims if c.decided_at is None and c.kind == RETURNED},
        {(row.key, row.reference) for row in reading.execute(select(payout_returns))},
        set(reading.execute(select(models.cards.c.user_id)).scalars()),
    )


def told_of(seen: Seen, payout: Any) -> set[str]:
    """References of what the bank has told to be paid of a payout, and not to be back."""
    keys = set(payout.keys)
    return {reference for key, reference in seen.claimed - seen.back if key in keys}


def check(seen: Seen, bank: MoodyBank, now: datetime) -> None:
    """What holds after every step, also in the middle of a sending. Raises AssertionError."""
    for payout in seen.payouts:
        _check_history(payout, seen.history[payout.id], now)
        outcomes = [m.to_status for m in seen.history[payout.id] if m.to_status in OUTCOMES]
        said = seen.said[payout.id]
        assert said == [(to, payout.amount) for to in outcomes], "said once for each outcome"
        failures = seen.failures[payout.id]
        assert failures == list(range(1, len(failures) + 1)), "failures are not numbered"
        _check_money(payout, bank)
        _check_deadline(payout)
    assert not seen.unsettled & bank.told_back, "a person is to settle what has come back"


def _check_history(payout: Any, history: list[Any], now: datetime) -> None:
    stood, at = None, payout.created_at
    for move in history:
        assert move.from_status == stood, "the history has a gap"
        assert move.to_status in ALLOWED[stood], f"{stood} became {move.to_status}"
        assert at <= move.at <= now, "the history runs backwards"
        assert move.by in {"billing", "sandbox", "boss", payout.user_id}
        assert move.why
        stood, at = move.to_status, move.at
    assert payout.status == stood, "a move was not written down"


def _check_money(payout: Any, bank: MoodyBank) -> None:
    paid = bank.paid_under(payout.idempotency_key)
    assert all(entry.wrong or entry.amount == payout.amount for entry in paid)
    owed = [entry for entry in paid if not entry.flipped]
    assert len(owed) <= 1, "paid twice"
    if payout.status in NOT_PAID:
        assert not owed, f"{payout.status}, and paid"
    if payout.status == "succeeded":
        had = [e for e in bank.entries if e.reference == payout.gateway_ref]
        assert len(had) == 1, "succeeded without a transfer"
        assert had[0].status in ("paid", "returned")
        assert payout.gateway_ref not in bank.told_back, "succeeded, and known to be back"


def _check_deadline(payout: Any) -> None:
    if payout.status not in ("ready", "sending", "unknown"):
        assert payout.next_attempt_at is None
        return
    assert payout.next_attempt_at is not None, "nobody would go on with it"
    if payout.status == "sending":
        assert payout.next_attempt_at <= payout.updated_at + LONGEST_SENDING


def check_end(seen: Seen, bank: MoodyBank) -> None:
    """What holds once the bank is well, has told everything, and time has passed."""
    for payout in seen.payouts:
        assert payout.status in ENDS, f"it ended {payout.status}"
        if payout.status == "waiting_for_card":
            assert payout.user_id not in seen.cards
        paid = [
            entry
            for entry in bank.paid_under(payout.idempotency_key)
            if (entry.key, entry.reference) not in seen.claimed
            or entry.reference == payout.gateway_ref
        ]
        if payout.status == "succeeded":
            assert [e.reference for e in paid] == [payout.gateway_ref], "the books differ"
        elif payout.status != "needs_person":
            assert not paid, f"{payout.status}, paid, and nobody is told"

"""What can be done in billing: one function is one change, inside one transaction."""

from collections.abc import Sequence

from billing import cards, domain, models
from billing.domain import Payout, PayoutStatus
from billing.vault import load_vault
from chassis.database import Transaction
from chassis.ids import new_id
from contracts.accounts import PayoutRequested
from contracts.billing import PayoutCancelled

SEND_PAYOUTS = "send payouts"
# Who has moved a payout, where no person has.
BILLING = "billing"


def store_card(tx: Transaction, user_id: str, number: str) -> str:
    """Keep the popug's card instead of the one he had; what waited for it can go out.

    Gives back the last four digits. Raises NotACardNumber, KeyMissing.
    """
    checked = domain.card_number(number)
    cards.save_card(tx, load_vault(tx.settings).seal(checked, user_id))
    release_waiting(tx, user_id)
    return checked.last4


def remove_card(tx: Transaction, user_id: str) -> bool:
    """Forget the popug's card; says whether there was one. His payouts wait again."""
    removed = cards.delete_card(tx, user_id)
    ready = models.payouts_of(tx, user_id, PayoutStatus.READY)
    moves = [(payout, domain.wait_for_card(payout, tx.now)) for payout in ready]
    models.save_moves(tx, moves, user_id, "the card was removed")
    return removed


def release_waiting(tx: Transaction, user_id: str) -> None:
    """Make ready what waited for this popug's card, which is there now."""
    waiting = models.payouts_of(tx, user_id, PayoutStatus.WAITING_FOR_CARD)
    moves = [(payout, domain.make_ready(payout, tx.now)) for payout in waiting]
    models.save_moves(tx, moves, user_id, "a card was stored")
    if moves:
        tx.wake(SEND_PAYOUTS)


def take_requests(tx: Transaction, requests: Sequence[PayoutRequested]) -> None:
    """Make a payout of each request that has none yet.

    Raises SecondPayoutOfTheDay, NothingToPay.
    """
    holders = cards.card_holders(tx, (request.user_id for request in requests))
    asked = {r.payout_id: _new_payout(tx, r, r.user_id in holders) for r in requests}
    known = models.known_payouts(tx, asked.values())
    fresh: dict[str, Payout] = {}
    for payout in asked.values():
        first = known.setdefault((payout.user_id, payout.date), "")
        if first and first != payout.id:
            raise domain.SecondPayoutOfTheDay(f"{payout.id} beside {first}")
        if not first:
            known[payout.user_id, payout.date] = payout.id
            fresh[payout.id] = payout
    models.add_payouts(tx, list(fresh.values()), BILLING, "requested by accounts")
    if any(payout.status is PayoutStatus.READY for payout in fresh.values()):
        tx.wake(SEND_PAYOUTS)


def _new_payout(tx: Transaction, request: PayoutRequested, has_card: bool) -> Payout:
    if request.amount <= 0:
        raise domain.NothingToPay(request.payout_id)
    return Payout(
        id=request.payout_id,
        user_id=request.user_id,
        date=request.date,
        amount=request.amount,
        currency=request.currency,
        status=PayoutStatus.READY if has_card else PayoutStatus.WAITING_FOR_CARD,
        gateway=tx.settings.gateway,
        # Made and committed before the first call, and the same for ever.
        idempotency_key=new_id(),
        gateway_ref=None,
        attempts=0,
        reason=None,
        created_at=tx.now,
        updated_at=tx.now,
        next_attempt_at=tx.now if has_card else None,
    )


def retry_payout(tx: Transaction, payout_id: str, by: str) -> Payout:
    """Send a failed payout again. Raises PayoutNotFound, CannotRetry."""
    payout = models.payout_for_update(tx, payout_id)
    has_card = cards.sealed_card(tx, payout.user_id) is not None
    again = domain.retry(payout, has_card, tx.now)
    models.save_moves(tx, [(payout, again)], by, "sent again by hand")
    tx.wake(SEND_PAYOUTS)
    return again


def cancel_payout(tx: Transaction, payout_id: str, reason: str, by: str) -> Payout:
    """Give a payout up and let accounts return the money.

    Raises PayoutNotFound, CannotCancel, ReasonRefused.
    """
    payout = models.payout_for_update(tx, payout_id)
    cancelled = domain.cancel(payout, domain.plain_reason(reason), tx.now)
    models.save_moves(tx, [(payout, cancelled)], by, cancelled.reason or "")
    tx.emit(
        PayoutCancelled(
            payout_id=payout.id,
            user_id=payout.user_id,
            date=payout.date,
            amount=payout.amount,
            reason=cancelled.reason,
        )
    )
    return cancelled

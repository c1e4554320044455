"""What can be done in billing: one function is one change, inside one transaction."""

from collections.abc import Sequence
from dataclasses import replace

from billing import (
    answers,
    card_keys,
    cards,
    claims,
    domain,
    domain_cards,
    domain_moves,
    history,
    models,
    returns,
)
from billing.domain import Payout, PayoutStatus
from billing.vault import load_vault
from chassis.database import Reading, Transaction
from chassis.ids import new_id
from contracts.accounts import PayoutRequested
from contracts.billing import PayoutCancelled

SEND_PAYOUTS = "send payouts"
# Who has moved a payout, where no person has.
BILLING = "billing"


def store_card(tx: Transaction, user_id: str, number: str) -> str:
    """Keep the popug's card instead of the one he had; what waited for it can go out.

    Gives back the last four digits. Raises NotACardNumber, KeyMissing, CardKeyRetired.
    """
    checked = domain_cards.card_number(number)
    vault = load_vault(tx.settings)
    card_keys.hold(tx, vault.key_id, vault.hash_key_id)
    cards.save_card(tx, vault.seal(checked, user_id))
    release_waiting(tx, user_id)
    return checked.last4


def remove_card(tx: Transaction, user_id: str) -> bool:
    """Forget the popug's card; says whether there was one. His payouts wait again."""
    removed = cards.delete_card(tx, user_id)
    ready = models.payouts_of(tx, user_id, PayoutStatus.READY)
    moves = [(payout, domain_moves.wait_for_card(payout, tx.now)) for payout in ready]
    history.save_moves(tx, moves, user_id, "the card was removed")
    return removed


def release_waiting(tx: Transaction, user_id: str) -> None:
    """Make ready what waited for this popug's card, which is there now."""
    waiting = models.payouts_of(tx, user_id, PayoutStatus.WAITING_FOR_CARD)
    moves = [(payout, domain_moves.make_ready(payout, tx.now)) for payout in waiting]
    history.save_moves(tx, moves, user_id, "a card was stored")
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
    history.add_payouts(tx, list(fresh.values()), BILLING, "requested by accounts")
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
    """Send a failed payout again. Raises PayoutNotFound, CannotRetry, Unsettled."""
    payout = models.payout_for_update(tx, payout_id)
    has_card = cards.sealed_card(tx, payout.user_id) is not None
    again = domain_moves.retry(payout, has_card, tx.now)
    _refuse_unsettled(tx, payout)
    history.save_moves(tx, [(payout, again)], by, "sent again by hand")
    tx.wake(SEND_PAYOUTS)
    return again


def cancel_payout(tx: Transaction, payout_id: str, reason: str, by: str) -> Payout:
    """Give a payout up and let accounts return the money.

    Raises PayoutNotFound, CannotCancel, ReasonRefused, Unsettled.
    """
    payout = models.payout_for_update(tx, payout_id)
    cancelled = domain_moves.cancel(payout, domain.plain_reason(reason), tx.now)
    _refuse_unsettled(tx, payout)
    history.save_moves(tx, [(payout, cancelled)], by, cancelled.reason or "")
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


def _refuse_unsettled(tx: Transaction, payout: Payout) -> None:
    """The popug may have the money already. Raises Unsettled."""
    for claim in claims.still_out(tx, payout):
        if claim.decided_at is None:
            raise domain.Unsettled(claim.reference)


def decide_payout(
    tx: Transaction, payout_id: str, reference: str | None, reason: str, by: str
) -> Payout:
    """A person has found out what became of it: paid under `reference`, or (None) not paid.

    Or that what a person has called paid is back, where the bank says so of another reference.
    Raises PayoutNotFound, NothingToDecide, ReasonRefused, ReferenceRefused, MoneyCameBack, and
    MoneyIsOut where the gateway has told of a payment: sent again, it would be paid twice.
    """
    payout = models.payout_for_update(tx, payout_id)
    back = may_be_back(tx, payout)
    known = None if reference is None else domain.plain_reference(reference)
    why = domain.plain_reason(reason)
    if known in returns.of_payout(tx, payout.id):
        raise domain.MoneyCameBack(known)
    if back and known is None:
        # Whoever looks into it at the bank needs the reference.
        decided = domain_moves.fail(replace(payout, gateway_ref=back), why, tx.now)
    else:
        decided = domain_moves.decide(payout, known, why, tx.now)
    if known is None and (out := claims.still_out(tx, payout)):
        raise domain.MoneyIsOut(out[-1].reference)
    history.save_moves(tx, [(payout, decided)], by, why)
    claims.settle(tx, payout_id, why, by)
    if decided.status is PayoutStatus.SUCCEEDED:
        answers.say_succeeded(tx, decided)
    else:
        answers.say_failed(tx, decided, returned=back is not None)
    return decided


def may_be_back(reading: Reading, payout: Payout) -> str | None:
    """The reference under which the money of a payout is back that only a person calls paid.

    Where the gateway itself has named the payout's reference, another one that is back is not
    this payout's.
    """
    claim = claims.open_return(reading, payout.id)
    if claim is None or payout.status is not PayoutStatus.SUCCEEDED:
        return None
    by_gateway = history.last_moved_by(reading, payout.id) == payout.gateway
    return None if by_gateway else claim.reference


def settle_claims(tx: Transaction, payout_id: str, decision: str, by: str) -> Payout:
    """A person says how he settled what the gateway has said against our books.

    Raises PayoutNotFound, ReasonRefused, NothingToSettle.
    """
    payout = models.payout_for_update(tx, payout_id)
    if not claims.settle(tx, payout_id, domain.plain_reason(decision), by):
        raise domain.NothingToSettle(payout_id)
    return payout

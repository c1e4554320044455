"""The steps of a payout on its way to a gateway, each one transaction.

`attempts` numbers the sendings: what comes after another sender has taken the payout over
carries an old number and changes nothing. What the gateway answers is in `answers`.
"""

from datetime import datetime, timedelta

from billing import cards, domain, domain_moves, history, models
from billing.cards import SealedCard
from billing.commands import BILLING
from billing.domain import Payout, PayoutStatus
from billing.gateway import Gateway
from chassis.database import Transaction

# Beside the gateway's patience, for our own commits.
MARGIN_SECONDS = 5.0
KEY_RAN_OUT = "the gateway may have forgotten the key"
OTHER_ACCOUNT = "it was sent under another account of the gateway"


def begin_sending(
    tx: Transaction, seen: Payout, gateway: Gateway
) -> tuple[Payout, SealedCard] | None:
    """Take a payout for sending, with the card; None if it is not to be sent now.

    `seen` is ready, or unknown and not found at the gateway. What is unknown is sent under
    its key and account or not at all: without a card it is asked for again, and a key that
    has run out leaves it to a person.
    """
    payout = models.payout_for_update(tx, seen.id)
    if (payout.status, payout.attempts, payout.retries) != (
        seen.status,
        seen.attempts,
        seen.retries,
    ):
        return None
    if domain_moves.is_of_another(payout, gateway.account):
        _leave_to_its_account(tx, payout, gateway)
        return None
    if domain_moves.key_has_run_out(payout, gateway.key_lifetime, tx.now):
        if payout.status is PayoutStatus.UNKNOWN:
            _hand_over(tx, payout)
            return None
        fresh = domain_moves.with_next_key(payout)  # ready is certainly not paid
    else:
        fresh = payout
    card = cards.sealed_card(tx, payout.user_id)
    if card is None and payout.status is PayoutStatus.UNKNOWN:
        models.put_off(tx, payout, domain_moves.ask_again_at(payout, tx.now))
        return None
    if card is None:
        waiting = domain_moves.wait_for_card(payout, tx.now)
        history.save_moves(tx, [(payout, waiting)], BILLING, "there is no card")
        return None
    sent = domain_moves.send(fresh, tx.now, _until(tx, gateway.patience_seconds), gateway.account)
    why = f"attempt {sent.attempts} at {sent.gateway}"
    history.save_moves(tx, [(payout, sent)], BILLING, why)
    return sent, card


def begin_asking(tx: Transaction, seen: Payout, gateway: Gateway) -> Payout | None:
    """Take a payout for asking the gateway; None if it is not to be asked now.

    `seen` is unknown, or in sending by someone who has been silent for too long. Somebody
    else may have taken it; and another account than it was sent as would hear "not found".
    """
    payout = models.payout_for_update(tx, seen.id)
    if payout != seen:
        return None
    if payout.status is PayoutStatus.SENDING:
        lost = domain_moves.lose_sight(payout, tx.now)
        history.save_moves(tx, [(payout, lost)], BILLING, "its sender fell silent")
        payout = lost
    if domain_moves.is_of_another(payout, gateway.account):
        _leave_to_its_account(tx, payout, gateway)
        return None
    models.put_off(tx, payout, _until(tx, gateway.patience_seconds))
    return payout


def record_lost(tx: Transaction, seen: Payout) -> Payout | None:
    """No answer to a sending has come. None if the payout has moved on."""
    payout = models.payout_for_update(tx, seen.id)
    if (payout.status, payout.attempts) != (PayoutStatus.SENDING, seen.attempts):
        return None
    lost = domain_moves.lose_sight(payout, tx.now)
    history.save_moves(tx, [(payout, lost)], payout.gateway, "no answer")
    return lost


def ask_later(tx: Transaction, seen: Payout, lifetime: timedelta) -> None:
    """No answer to a question has come: ask again after a longer pause, but not for ever."""
    payout = models.payout_for_update(tx, seen.id)
    if (payout.status, payout.attempts) != (PayoutStatus.UNKNOWN, seen.attempts):
        return
    if domain_moves.key_has_run_out(payout, lifetime, tx.now):
        _hand_over(tx, payout)
    else:
        models.put_off(tx, payout, domain_moves.ask_again_at(payout, tx.now))


def step_back(tx: Transaction, seen: Payout) -> None:
    """Something is wrong with this one: have its neighbours go first for a while."""
    payout = models.payout_for_update(tx, seen.id)
    if payout.next_attempt_at == seen.next_attempt_at and payout.status is seen.status:
        models.put_off(tx, payout, tx.now + domain.LONGEST_WAIT)


def _leave_to_its_account(tx: Transaction, payout: Payout, gateway: Gateway) -> None:
    """Wait for the account that it was sent as, but not for ever."""
    if domain_moves.key_has_run_out(payout, gateway.key_lifetime, tx.now):
        _hand_over(tx, payout, OTHER_ACCOUNT)
    else:
        models.put_off(tx, payout, domain_moves.ask_again_at(payout, tx.now), OTHER_ACCOUNT)


def _hand_over(tx: Transaction, payout: Payout, why: str = KEY_RAN_OUT) -> None:
    handed = domain_moves.hand_over(payout, why, tx.now)
    history.save_moves(tx, [(payout, handed)], BILLING, why)


def _until(tx: Transaction, patience_seconds: float) -> datetime:
    return tx.now + timedelta(seconds=patience_seconds + MARGIN_SECONDS)

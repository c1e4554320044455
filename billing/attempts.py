"""The steps of a payout on its way through a gateway, each one transaction.

`attempts` numbers the sendings: an answer that comes after another sender has taken the
payout over carries an old number and changes nothing, unless it says that the money is
paid, which is true whoever heard it.
"""

from datetime import datetime, timedelta

from billing import cards, domain, models
from billing.cards import SealedCard
from billing.commands import BILLING
from billing.domain import IN_FLIGHT, Payout, PayoutStatus
from billing.gateway import Accepted, Refused
from chassis.database import Transaction
from contracts.billing import PayoutFailed, PayoutSucceeded

# Beside the gateway's patience, for our own commits.
MARGIN_SECONDS = 5.0


def begin_sending(
    tx: Transaction, seen: Payout, patience_seconds: float
) -> tuple[Payout, SealedCard] | None:
    """Take a payout for sending, with the card; None if it is no longer to be sent.

    `seen` is ready, or unknown and not found at the gateway.
    """
    payout = models.payout_for_update(tx, seen.id)
    if (payout.status, payout.attempts) != (seen.status, seen.attempts):
        return None
    card = cards.sealed_card(tx, payout.user_id)
    if card is None:
        waiting = domain.wait_for_card(payout, tx.now)
        models.save_moves(tx, [(payout, waiting)], BILLING, "there is no card")
        return None
    sent = domain.send(payout, tx.now, _until(tx, patience_seconds))
    why = f"attempt {sent.attempts} at {sent.gateway}"
    models.save_moves(tx, [(payout, sent)], BILLING, why)
    return sent, card


def begin_asking(tx: Transaction, seen: Payout, patience_seconds: float) -> Payout | None:
    """Take a payout for asking the gateway; None if somebody else has taken it.

    `seen` is unknown, or in sending by someone who has been silent for too long.
    """
    payout = models.payout_for_update(tx, seen.id)
    if payout != seen:
        return None
    if payout.status is PayoutStatus.SENDING:
        lost = domain.lose_sight(payout, tx.now)
        models.save_moves(tx, [(payout, lost)], BILLING, "its sender fell silent")
        payout = lost
    models.put_off(tx, payout, _until(tx, patience_seconds))
    return payout


def record_paid(tx: Transaction, payout_id: str, answer: Accepted) -> Payout | None:
    """The gateway has paid: say so, once. None if that is known already."""
    payout = models.payout_for_update(tx, payout_id)
    if payout.status not in IN_FLIGHT:
        return None
    paid = domain.succeed(payout, answer.reference, tx.now)
    models.save_moves(tx, [(payout, paid)], payout.gateway, "accepted")
    tx.emit(
        PayoutSucceeded(payout_id=paid.id, user_id=paid.user_id, date=paid.date, amount=paid.amount)
    )
    return paid


def record_refused(tx: Transaction, seen: Payout, answer: Refused) -> Payout | None:
    """The gateway has refused, for good or for now. None if the payout has moved on."""
    payout = models.payout_for_update(tx, seen.id)
    if (payout.status, payout.attempts) != (seen.status, seen.attempts):
        return None
    reason = domain.without_card_numbers(" ".join(answer.reason.split()))[: domain.REASON_MOST]
    if not answer.final:
        later = domain.put_off(payout, reason, tx.now)
        models.save_moves(tx, [(payout, later)], payout.gateway, reason)
        return later
    failed = domain.fail(payout, reason, tx.now)
    models.save_moves(tx, [(payout, failed)], payout.gateway, reason)
    tx.emit(
        PayoutFailed(
            payout_id=failed.id,
            user_id=failed.user_id,
            date=failed.date,
            amount=failed.amount,
            reason=reason,
        )
    )
    return failed


def record_lost(tx: Transaction, seen: Payout) -> Payout | None:
    """No answer to a sending has come. None if the payout has moved on."""
    payout = models.payout_for_update(tx, seen.id)
    if (payout.status, payout.attempts) != (PayoutStatus.SENDING, seen.attempts):
        return None
    lost = domain.lose_sight(payout, tx.now)
    models.save_moves(tx, [(payout, lost)], payout.gateway, "no answer")
    return lost


def ask_later(tx: Transaction, seen: Payout) -> None:
    """No answer to a question has come: ask again after a longer pause."""
    payout = models.payout_for_update(tx, seen.id)
    if (payout.status, payout.attempts) == (PayoutStatus.UNKNOWN, seen.attempts):
        models.put_off(tx, payout, domain.ask_again_at(payout, tx.now))


def _until(tx: Transaction, patience_seconds: float) -> datetime:
    return tx.now + timedelta(seconds=patience_seconds + MARGIN_SECONDS)

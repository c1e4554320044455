"""What a gateway's answers do to a payout, each one transaction.

An answer is about a key. That the gateway has paid, or has taken money back, is true
whoever heard it and whenever it comes; what does not fit is noted for a person. A refusal
counts only for the sending that it answers.
"""

from dataclasses import replace

from billing import claims, domain, domain_cards, domain_moves, history, models, returns
from billing.domain import IN_FLIGHT, Payout, PayoutStatus
from billing.gateway import Accepted, Begun, Refused, Returned
from chassis.database import Transaction
from contracts.billing import RETURNED, PayoutFailed, PayoutSucceeded

WRONG_AMOUNT = "the bank has paid another amount"
MAY_STILL_BE_PAID = frozenset({*IN_FLIGHT, PayoutStatus.NEEDS_PERSON})


def record_paid(
    tx: Transaction, payout_id: str, answer: Accepted, key: str | None = None
) -> Payout | None:
    """The gateway has paid under this key (None: the present one): say so, once.

    None if that is known already, is older than the word that the money is back, or is
    noted for a person because it does not fit.
    """
    payout = models.payout_for_update(tx, payout_id)
    key = key or payout.key
    if payout.status is PayoutStatus.SUCCEEDED and payout.gateway_ref == answer.reference:
        return None
    if returns.known(tx, payout, key, answer.reference):
        return None
    other_key_in_flight = key != payout.key and payout.status in MAY_STILL_BE_PAID
    if payout.status in (PayoutStatus.SUCCEEDED, PayoutStatus.CANCELLED) or other_key_in_flight:
        claims.add(tx, payout, key, claims.PAID, answer.reference, answer.amount)
        return None
    if answer.amount not in (None, payout.amount):
        return _paid_another_amount(tx, payout, key, answer)
    paid = domain_moves.succeed(payout, answer.reference, tx.now)
    history.save_moves(tx, [(payout, paid)], payout.gateway, "accepted")
    say_succeeded(tx, paid)
    return paid


def _paid_another_amount(
    tx: Transaction, payout: Payout, key: str, answer: Accepted
) -> Payout | None:
    claims.add(tx, payout, key, claims.OTHER_AMOUNT, answer.reference, answer.amount)
    if payout.status is PayoutStatus.NEEDS_PERSON:
        return None
    handed = domain_moves.hand_over(payout, WRONG_AMOUNT, tx.now)
    history.save_moves(tx, [(payout, handed)], payout.gateway, WRONG_AMOUNT)
    return handed


def record_returned(
    tx: Transaction, payout_id: str, answer: Returned, key: str | None = None
) -> Payout | None:
    """The money has come back: it failed, and can be sent again or cancelled.

    None if this moves nothing; it is remembered all the same, against older answers, and
    what a person was to settle about it is settled. Of a payout that succeeded under the same
    key and another reference a person finds out which is right: he may have mistyped it.
    """
    payout = models.payout_for_update(tx, payout_id)
    key = key or payout.key
    reason = _kept(f"{RETURNED}: {answer.reason}")
    is_news = not returns.known(tx, payout, key, answer.reference)
    returns.note(tx, payout, key, answer.reference)
    claims.has_come_back(tx, payout, key, answer.reference, reason)
    was_paid = payout.status is PayoutStatus.SUCCEEDED and payout.gateway_ref == answer.reference
    was_on_its_way = key == payout.key and payout.status in MAY_STILL_BE_PAID
    if not was_paid and not was_on_its_way:
        if is_news and key == payout.key and payout.status is PayoutStatus.SUCCEEDED:
            claims.add(tx, payout, key, claims.RETURNED, answer.reference, None)
        return None
    # Whoever looks into it at the bank needs the reference.
    return _fail(tx, replace(payout, gateway_ref=answer.reference), reason, returned=True)


def record_refused(tx: Transaction, seen: Payout, answer: Refused) -> Payout | None:
    """The gateway has refused, for good or for now. None if the payout has moved on."""
    payout = models.payout_for_update(tx, seen.id)
    if (payout.status, payout.attempts) != (seen.status, seen.attempts):
        return None
    if answer.final and not (answer.this_call_only and payout.in_doubt):
        return _fail(tx, payout, answer.reason)
    reason = _kept(answer.reason)
    later = domain_moves.put_off(payout, reason, tx.now)
    history.save_moves(tx, [(payout, later)], payout.gateway, reason)
    return later


def record_begun(tx: Transaction, seen: Payout, answer: Begun) -> Payout | None:
    """The gateway is at work on it: it is asked for later, by the reference."""
    payout = models.payout_for_update(tx, seen.id)
    if (payout.status, payout.attempts) != (seen.status, seen.attempts):
        return None
    if payout.status is PayoutStatus.SENDING:
        begun = domain_moves.lose_sight(payout, tx.now, answer.reference)
        history.save_moves(tx, [(payout, begun)], payout.gateway, "the gateway is at work on it")
        return begun
    until = domain_moves.ask_again_at(payout, tx.now)
    models.remember_reference(tx, payout, answer.reference, until)
    return None


def say_succeeded(tx: Transaction, paid: Payout) -> None:
    """Tell the other services that the money has gone."""
    tx.emit(
        PayoutSucceeded(payout_id=paid.id, user_id=paid.user_id, date=paid.date, amount=paid.amount)
    )


def say_failed(tx: Transaction, failed: Payout, returned: bool = False) -> None:
    """Tell the other services that it has not, and why; `returned`: it had, and is back."""
    tx.emit(
        PayoutFailed(
            payout_id=failed.id,
            user_id=failed.user_id,
            date=failed.date,
            amount=failed.amount,
            reason=failed.reason,
            returned=returned,
            failure=history.count_failures(tx, failed.id),
        )
    )


def _fail(tx: Transaction, payout: Payout, reason: str, returned: bool = False) -> Payout:
    failed = domain_moves.fail(payout, _kept(reason), tx.now)
    history.save_moves(tx, [(payout, failed)], payout.gateway, failed.reason or "")
    say_failed(tx, failed, returned)
    return failed


def _kept(reason: str) -> str:
    """A gateway's own words as they are kept: one line, without card numbers."""
    # JSON may hold halves of characters, which no database takes.
    line = " ".join(reason.encode(errors="replace").decode().replace("\0", " ").split())
    return domain_cards.without_card_numbers(line)[: domain.REASON_MOST]

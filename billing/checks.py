"""What must always be true within billing (contract, section 7)."""

from billing import facts
from billing.domain import PayoutStatus
from chassis.checks import Finding
from chassis.database import Reading

IDS_SHOWN = 20


def run(reading: Reading) -> list[Finding]:
    """All checks of billing."""
    return [payouts_are_in_the_book(reading)]


def payouts_are_in_the_book(reading: Reading) -> Finding:
    """Succeeded payouts are the gateway's book, in both directions and to the cent."""
    name = "succeeded payouts are the gateway's book"
    wrong = list(facts.bank_differences(reading))
    if wrong:
        shown = "; ".join(f"{d.payout_id or d.key}: {d.what}" for d in wrong[:IDS_SHOWN])
        return Finding(name, False, f"{len(wrong)} differ: {shown}")
    paid = [p.amount for p in facts.payouts(reading) if p.status is PayoutStatus.SUCCEEDED]
    return Finding(name, True, f"{len(paid)} payouts, {sum(paid)} cents")

"""What must always be true within billing (contract, section 7)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from billing import own_book
from billing.books import Difference, Kind
from billing.domain import PayoutStatus
from billing.gateway import AnswerLost
from billing.gateways import BOOKLESS
from billing.gateways.bank import BankGateway
from chassis.checks import Finding
from chassis.runtime import Runtime

IDS_SHOWN = 20
NAME = "succeeded payouts are the gateway's book"
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def run(runtime: Runtime) -> list[Finding]:
    """All checks of billing; a gateway is asked where any payout went to it."""
    used = runtime.database.read(own_book.gateways)
    findings = [_without_a_book(name) for name in sorted(used & BOOKLESS.keys())]
    if BankGateway.name in used:
        findings.insert(0, _payouts_are_in_the_banks_book(runtime))
    return findings


def _without_a_book(gateway: str) -> Finding:
    return Finding(f"{NAME} ({gateway})", True, "cannot be compared: it shows no book")


def _payouts_are_in_the_banks_book(runtime: Runtime) -> Finding:
    """Succeeded payouts are the bank's book, in both directions and to the cent."""
    name = BankGateway.name
    # No look of ours may span the bank's answer: on SQLite it would not see what moves meanwhile.
    asked = runtime.database.read(own_book.asked, gateway=name)
    until = runtime.clock.now() + timedelta(days=1)
    try:
        book = list(BankGateway(runtime).book(BEGINNING, until))
    except AnswerLost:
        return Finding(NAME, False, "the bank does not show its book")
    wrong = own_book.differences_with(runtime.database, name, asked, book)
    paid = [payout.amount for payout in asked if payout.status is PayoutStatus.SUCCEEDED]
    return finding(NAME, wrong, f"{len(paid)} payouts, {sum(paid)} cents")


def finding(name: str, found: Iterable[Difference], compared: str) -> Finding:
    """What was found of one invariant, each kind with the ids of what differs."""
    by_kind: dict[Kind, list[str]] = {}
    for each in found:
        by_kind.setdefault(each.kind, []).append(each.subject)
    if not by_kind:
        return Finding(name, True, compared)
    parts = [
        f"{len(ids)} {kind.replace('_', ' ')}: {', '.join(ids[:IDS_SHOWN])}"
        for kind, ids in by_kind.items()
    ]
    return Finding(name, False, "; ".join(parts))

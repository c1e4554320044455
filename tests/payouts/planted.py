"""`popug worker billing` with a fault planted in it, so that the campaign is known to find one.

    python -m tests.payouts.planted FAULT worker billing

patches the code of that process and goes on as `popug` does. Without a bank that misbehaves
each fault but the last goes unseen.
"""

import sys
from collections.abc import Callable

from billing import models
from billing.domain import Payout
from billing.domain_cards import CardNumber
from billing.gateway import Accepted, Answer, AnswerLost, Refused
from billing.gateways.bank import BankGateway
from chassis.database import Reading

FORGOTTEN = "p00007"


def lost_is_refused() -> None:
    """An answer that was lost is taken for a definite refusal: a person may send it again."""
    _instead_of_a_lost_answer(lambda _key, _amount: Refused("no answer", final=True))


def lost_is_paid() -> None:
    """An answer that was lost is taken for the word that it has paid."""
    _instead_of_a_lost_answer(lambda key, amount: Accepted(f"SBX-{key}", amount))


def one_is_forgotten() -> None:
    """One payout is never due."""
    due_payouts = models.due_payouts

    def due(reading: Reading, most: int) -> list[Payout]:
        return [payout for payout in due_payouts(reading, most) if payout.id != FORGOTTEN]

    models.due_payouts = due


def _instead_of_a_lost_answer(say: Callable[[str, int], Answer]) -> None:
    pay = BankGateway.pay

    def heard(
        self: BankGateway, key: str, amount: int, currency: str, card_number: CardNumber
    ) -> Answer:
        try:
            return pay(self, key, amount, currency, card_number)
        except AnswerLost:
            return say(key, amount)

    BankGateway.pay = heard  # type: ignore[method-assign]


PLANTED: dict[str, Callable[[], None]] = {
    fault.__name__.replace("_", "-"): fault
    for fault in (lost_is_refused, lost_is_paid, one_is_forgotten)
}


def program(fault: str) -> list[str]:
    """What stands in for `popug`."""
    return [sys.executable, "-m", "tests.payouts.planted", fault]


if __name__ == "__main__":
    PLANTED[sys.argv.pop(1)]()
    from popug.cli import main

    main(prog_name="popug")

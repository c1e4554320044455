"""What a payout gateway is to us: pay under a key, and ask what became of the key (rule 15)."""

from dataclasses import dataclass
from typing import Protocol

from billing.domain import CardNumber


@dataclass(frozen=True)
class Accepted:
    """The money is on its way, under the gateway's own reference."""

    reference: str


@dataclass(frozen=True)
class Refused:
    """Nothing was paid. `final`: it will not be paid without a person's doing."""

    reason: str
    final: bool


@dataclass(frozen=True)
class NotFound:
    """The gateway has never paid under this key."""


class AnswerLost(Exception):
    """Whether the gateway has paid is not known: it must be asked, never paid again."""


class Gateway(Protocol):
    """One gateway.

    `patience_seconds`: by then a call has answered or raised; a sender that is silent
    for longer is taken for dead.
    """

    name: str
    patience_seconds: float

    def pay(
        self, key: str, amount: int, currency: str, card_number: CardNumber
    ) -> Accepted | Refused:
        """Pay `amount` (cents) once for this key, however often it is asked.

        Raises AnswerLost when it is not known whether it has paid.
        """

    def ask(self, key: str) -> Accepted | Refused | NotFound:
        """What became of the key. Raises AnswerLost when there is no answer to that."""

"""What a payout gateway is to us: pay under a key, and ask what became of the key (rule 15)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from billing.domain_cards import CardNumber


@dataclass(frozen=True)
class Accepted:
    """The money has gone, under the gateway's own reference.

    `amount` in cents is what it says that it has paid; None where it does not say.
    """

    reference: str
    amount: int | None = None


@dataclass(frozen=True)
class Begun:
    """The gateway has taken it under this reference, and does not know the outcome yet."""

    reference: str


@dataclass(frozen=True)
class Refused:
    """Nothing was paid. `final`: it will not be paid without a person's doing.

    `this_call_only`: the gateway did not take this call, which says nothing of an earlier
    one under the same key; a refusal for now always means this call alone.
    """

    reason: str
    final: bool
    this_call_only: bool = False


@dataclass(frozen=True)
class Returned:
    """The gateway had paid under this reference, and the money has come back since."""

    reference: str
    reason: str


@dataclass(frozen=True)
class NotFound:
    """The gateway does not know the key, so that paying under it is harmless while it is fresh."""


@dataclass(frozen=True)
class BookLine:
    """One line of a gateway's own book: what it did under a key, and when; `amount` in cents.

    `status` is `paid`, or `returned` where the money has come back since.
    """

    key: str
    reference: str
    amount: int
    currency: str
    status: str
    at: datetime


@dataclass(frozen=True)
class Notice:
    """What a gateway tells by itself of one transfer. It is a reason to ask, never an answer."""

    key: str
    reference: str
    status: str


class Forged(Exception):
    """A notice that the gateway has not signed, or not lately."""


class NoBook(Exception):
    """This gateway shows no book of what it has paid: there is nothing to compare with."""


Answer = Accepted | Begun | Refused | Returned


class AnswerLost(Exception):
    """Whether the gateway has paid is not known: it must be asked, never paid again."""


class AnotherKey(AnswerLost):
    """What the gateway calls so was paid under another key."""


class Gateway(Protocol):
    """One gateway.

    `patience_seconds`: by then a call has answered or raised; a sender that is silent
    for longer is taken for dead. `key_lifetime`: for so long it pays once under a key,
    however often it is asked. `account`: as whom we are known to it, and keys with us;
    empty where it makes no difference.
    """

    name: str
    account: str
    patience_seconds: float
    key_lifetime: timedelta

    def pay(self, key: str, amount: int, currency: str, card_number: CardNumber) -> Answer:
        """Pay `amount` (cents) once for this key.

        Raises AnswerLost when it is not known whether it has paid.
        """

    def ask(self, key: str, reference: str | None = None) -> Answer | NotFound:
        """What became of the key, or of what the gateway calls so.

        Raises AnswerLost when there is no answer to that, or (AnotherKey) one about another key.
        """

    def book(self, since: datetime, until: datetime) -> Iterable[BookLine]:
        """Its book from `since` until before `until`, by the time of each transfer.

        Raises AnswerLost; or NoBook, always, if it shows none.
        """

"""A bank for the payout machine: it does what it is told to at each call, and keeps a book."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from billing.domain_cards import CardNumber
from billing.gateway import (
    Accepted,
    AnotherKey,
    Answer,
    AnswerLost,
    Begun,
    BookLine,
    NotFound,
    Refused,
)
from billing.gateway import Returned as CameBack
from chassis.clock import Clock

# What a call may meet; the last three end without an answer.
MOODS = ("pay", "wrong_amount", "refuse", "busy", "begin", "lose_before", "lose_after", "late")
# A request that is still on its way after this long never arrives.
LATEST = timedelta(hours=1)


@dataclass
class Entry:
    """One line of the book; `status`: begun, paid, refused or returned; `amount` in cents.

    `flipped`: paid after it was refused, which is the bank's own sin. `wrong`: so is another
    amount than it was asked for.
    """

    key: str
    reference: str
    amount: int
    status: str
    at: datetime
    flipped: bool = False
    wrong: bool = False


@dataclass(frozen=True)
class Call:
    """A request on its way to the bank; `amount` in cents."""

    key: str
    amount: int
    sent_at: datetime


@dataclass
class MoodyBank:
    """Pays once under a key for as long as it knows the key, and forgets it then."""

    clock: Clock
    entries: list[Entry] = field(default_factory=list)
    on_the_way: list[Call] = field(default_factory=list)
    # References of what it has told us to have come back.
    told_back: set[str] = field(default_factory=set)
    name = "sandbox"
    account = ""
    patience_seconds = 10.0
    key_lifetime = timedelta(days=1)

    def pay(
        self,
        key: str,
        amount: int,
        currency: str,  # noqa: ARG002 - as every gateway is called
        card_number: CardNumber,  # noqa: ARG002 - as every gateway is called
    ) -> Answer:
        return self.meet("pay", Call(key, amount, self.clock.now()))

    def meet(self, mood: str, call: Call) -> Answer:
        """Take a call in this mood. Raises AnswerLost."""
        if mood == "late":
            self.on_the_way.append(call)
        if mood in ("late", "lose_before") or self.clock.now() > call.sent_at + LATEST:
            raise AnswerLost
        known = self._known(call.key)
        if known is None and mood == "busy":
            return Refused("busy", final=False)
        entry = known or self._enter(mood, call)
        if mood == "lose_after":
            raise AnswerLost
        return _answer(entry)

    def ask(self, key: str, reference: str | None = None) -> Answer | NotFound:
        by_reference = [e for e in self.entries if reference and e.reference == reference]
        if reference and by_reference and by_reference[0].key != key:
            raise AnotherKey
        entry = by_reference[0] if by_reference else self._known(key)
        return _answer(entry) if entry else NotFound()

    def book(self, since: datetime, until: datetime) -> Iterable[BookLine]:
        return [
            BookLine(e.key, e.reference, e.amount, "USD", e.status, e.at)
            for e in self.entries
            if e.status in ("paid", "returned") and since <= e.at < until
        ]

    def arrive(self, call: Call) -> None:
        """A late request arrives, if it is not too late; nobody waits for the answer."""
        self.on_the_way.remove(call)
        if self.clock.now() <= call.sent_at + LATEST:
            self.meet("pay", call)

    def paid_under(self, key: str) -> list[Entry]:
        """What is paid under a payout's key or its numbered ones, and has not come back."""
        return [e for e in self.entries if e.status == "paid" and e.key.partition(".")[0] == key]

    def _known(self, key: str) -> Entry | None:
        fresh = self.clock.now() - self.key_lifetime
        return next((e for e in self.entries if e.key == key and e.at > fresh), None)

    def _enter(self, mood: str, call: Call) -> Entry:
        status = {"refuse": "refused", "begin": "begun"}.get(mood, "paid")
        reference = f"R{len(self.entries)}-{call.key}"
        wrong = mood == "wrong_amount"
        amount = call.amount - wrong
        entry = Entry(call.key, reference, amount, status, self.clock.now(), wrong=wrong)
        self.entries.append(entry)
        return entry


def _answer(entry: Entry) -> Answer:
    if entry.status == "paid":
        return Accepted(entry.reference, entry.amount)
    if entry.status == "begun":
        return Begun(entry.reference)
    if entry.status == "returned":
        return CameBack(entry.reference, "account closed")
    return Refused("declined", final=True)

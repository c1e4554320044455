"""The ledger's rules: what is booked, and what may be undone.

Amounts are cents, seen from the popug: a fee is negative, a reward positive. Every
transaction has the company's side with the opposite sum (rule 9).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

Cents = int

POPUG, COMPANY = "popug", "company"
FEE, REWARD, PAYOUT, REVERSAL = "fee", "reward", "payout", "reversal"
WORK = (FEE, REWARD)
MOST_CHARACTERS_OF_AN_ID = 64
# As much as an event can carry: a balance beyond it could never be paid out.
MOST_CENTS = 9_000_000_000_000


class UnknownTransaction(Exception):
    """No transaction has this id."""


class AlreadyReversed(Exception):
    """The transaction was undone before; a thing is undone once."""


class PayoutNotReversible(Exception):
    """A payout comes back only when billing cancels it: the money may be on its way."""


class ReversalNotReversible(Exception):
    """A correction is not corrected by undoing it."""


class UnknownPayout(Exception):
    """Billing cancelled a payout that this ledger never made."""


class PayoutDiffers(Exception):
    """Billing cancelled a payout of another popug or amount than this ledger made."""


class BalanceTooLarge(Exception):
    """Booking this would give a balance that no payout can carry."""


@dataclass(frozen=True, slots=True)
class Posting:
    """Something to be booked. `(kind, source_id)` says what it is for; it is booked once.

    `day` is set where the business day is not a matter of time (payouts).
    """

    kind: str
    source_id: str
    user_id: str
    sum: Cents
    occurred_at: datetime
    task_id: str | None = None
    day: date | None = None
    reversed_kind: str | None = None
    reverses: str | None = None
    note: str = ""
    made_by: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.source_id


@dataclass(frozen=True, slots=True)
class Entry:
    """The popug's side of a transaction, as booked; `balance` is the one after it.

    `position` orders all entries of the ledger; it is 0 until the database gave one.
    """

    transaction_id: str
    kind: str
    source_id: str
    user_id: str
    task_id: str | None
    occurred_at: datetime
    day: date
    sum: Cents
    balance: Cents
    reversed_kind: str | None
    reverses: str | None
    note: str
    made_by: str | None
    position: int = 0


def fee(assignment_id: str, task_id: str, user_id: str, amount: Cents, at: datetime) -> Posting:
    """A task landed on a popug: he is charged (rule 8)."""
    return Posting(FEE, assignment_id, user_id, -amount, at, task_id)


def reward(task_id: str, user_id: str, amount: Cents, at: datetime) -> Posting:
    """A popug closed his task: he is paid (rule 8)."""
    return Posting(REWARD, task_id, user_id, amount, at, task_id)


def payout(user_id: str, day: date, amount: Cents, at: datetime) -> Posting:
    """The balance of a closed day goes to the popug's card; one per account and day."""
    return Posting(PAYOUT, f"{user_id}:{day.isoformat()}", user_id, -amount, at, day=day)


def correction(undone: Entry, reason: str, by: str, at: datetime) -> Posting:
    """A person undoes a fee or a reward (rule 9).

    Raises PayoutNotReversible, ReversalNotReversible.
    """
    if undone.kind == PAYOUT:
        raise PayoutNotReversible(undone.transaction_id)
    if undone.kind == REVERSAL:
        raise ReversalNotReversible(undone.transaction_id)
    return _undo(undone, reason, at, by)


def returned_payout(
    undone: Entry, user_id: str, amount: Cents, reason: str, at: datetime
) -> Posting:
    """Billing cancelled a payout: the money is the popug's again (rule 14).

    Raises UnknownPayout, PayoutDiffers: what billing says must be what was booked.
    """
    if undone.kind != PAYOUT:
        raise UnknownPayout(undone.transaction_id)
    if (undone.user_id, -undone.sum) != (user_id, amount):
        raise PayoutDiffers(f"{undone.transaction_id}: booked {-undone.sum} for {undone.user_id}")
    return _undo(undone, reason, at, None)


def _undo(undone: Entry, reason: str, at: datetime, by: str | None) -> Posting:
    return Posting(
        kind=REVERSAL,
        source_id=undone.transaction_id,
        user_id=undone.user_id,
        sum=-undone.sum,
        occurred_at=at,
        task_id=undone.task_id,
        reversed_kind=undone.kind,
        reverses=undone.transaction_id,
        note=reason,
        made_by=by,
    )


def first_of_each(postings: Iterable[Posting]) -> list[Posting]:
    """The postings without those that are for the same thing as an earlier one."""
    by_key: dict[tuple[str, str], Posting] = {}
    for posting in postings:
        by_key.setdefault(posting.key, posting)
    return list(by_key.values())


def book(
    postings: Sequence[Posting],
    balances: Mapping[str, Cents],
    day_of: Callable[[Posting], date],
    new_id: Callable[[], str],
) -> list[Entry]:
    """Entries with the running balance of each account, in the order of the postings.

    Raises BalanceTooLarge: what cannot be paid out would keep its day from ever closing.
    """
    running = dict(balances)
    entries: list[Entry] = []
    for posting in postings:
        running[posting.user_id] += posting.sum
        if abs(running[posting.user_id]) > MOST_CENTS:
            raise BalanceTooLarge(f"{posting.user_id}: {running[posting.user_id]} cents")
        entries.append(
            Entry(
                transaction_id=new_id(),
                kind=posting.kind,
                source_id=posting.source_id,
                user_id=posting.user_id,
                task_id=posting.task_id,
                occurred_at=posting.occurred_at,
                day=posting.day or day_of(posting),
                sum=posting.sum,
                balance=running[posting.user_id],
                reversed_kind=posting.reversed_kind,
                reverses=posting.reverses,
                note=posting.note,
                made_by=posting.made_by,
            )
        )
    return entries


def last_balances(entries: Iterable[Entry]) -> dict[str, Cents]:
    """The balance of each account after these entries."""
    return {entry.user_id: entry.balance for entry in entries}


def is_plain_text(text: str) -> bool:
    """Whether people can read all of it: no control characters but tabs and line ends."""
    return all(c in "\t\r\n" or (ord(c) >= 32 and ord(c) != 127) for c in text)


def is_id(text: str) -> bool:
    """Whether the text could be an id at all: short, printable ASCII."""
    return (
        0 < len(text) <= MOST_CHARACTERS_OF_AN_ID
        and text.isascii()
        and text.isprintable()
        and " " not in text
    )

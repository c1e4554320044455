"""Changes of the ledger: each function is one change, inside one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from accounts import calendar_rules, domain, ledger
from accounts.domain import Cents, Entry, Posting
from chassis.clock import business_day
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.masking import without_card_numbers
from contracts.accounts import TransactionReversed


@dataclass(frozen=True)
class CancelledPayout:
    """What billing says of a payout that is not going to happen; `traceparent` led to it."""

    payout_id: str
    user_id: str
    amount: Cents
    reason: str
    traceparent: str | None = None


def post(
    tx: Transaction, postings: Sequence[Posting], held: Mapping[str, Cents] | None = None
) -> list[Entry]:
    """Book postings, each once: the only way into the ledger. Gives what was booked now.

    What is in the ledger already, by kind and source, is passed over. Accounts of
    popugs unknown until now are opened (rule 8). `held` are the balances of all these accounts
    where this transaction has locked them before and not booked on them since.
    """
    wanted = domain.first_of_each(postings)
    if not wanted:
        return []
    closed_through = ledger.closed_through(tx)
    # The accounts first: whoever posts the same thing beside us has waited here.
    balances = held or ledger.lock_accounts(tx, [posting.user_id for posting in wanted])
    known = ledger.already_posted(tx, [posting.key for posting in wanted])
    fresh = [posting for posting in wanted if posting.key not in known]
    own_days = [_own_day(tx, posting) for posting in fresh]

    def day_of(posting: Posting) -> date:
        return calendar_rules.posting_day(_own_day(tx, posting), tx.today, closed_through)

    booked = domain.book(fresh, balances, day_of, new_id)
    ledger.save(tx, booked, own_days)
    ledger.save_balances(tx, domain.last_balances(booked))
    return booked


def _own_day(tx: Transaction, posting: Posting) -> date:
    """The business day of its own time; a payout belongs to the day that it pays."""
    return posting.day or business_day(posting.occurred_at, tx.settings.zone)


def reverse(tx: Transaction, transaction_id: str, reason: str, by: str) -> Entry:
    """Undo a fee or a reward by a new transaction (rule 9) and say so.

    Raises UnknownTransaction, AlreadyReversed, PayoutNotReversible, ReversalNotReversible.
    """
    undone = ledger.find_entries(tx, [transaction_id]).get(transaction_id)
    if undone is None:
        raise domain.UnknownTransaction(transaction_id)
    booked = post(tx, [domain.correction(undone, without_card_numbers(reason), by, tx.now)])
    if not booked:
        raise domain.AlreadyReversed(transaction_id)
    _say_reversed(tx, booked)
    return ledger.find_entries(tx, [booked[0].transaction_id])[booked[0].transaction_id]


def return_payouts(tx: Transaction, cancelled: Sequence[CancelledPayout]) -> None:
    """Give the amounts of cancelled payouts back to their accounts, each once.

    Raises UnknownPayout, PayoutDiffers.
    """
    paid = ledger.find_entries(tx, [payout.payout_id for payout in cancelled])
    missing = [payout.payout_id for payout in cancelled if payout.payout_id not in paid]
    if missing:
        raise domain.UnknownPayout(", ".join(missing[:3]))
    _say_reversed(
        tx,
        post(
            tx,
            [
                domain.returned_payout(
                    paid[payout.payout_id], payout.user_id, payout.amount, payout.reason, tx.now
                )
                for payout in cancelled
            ],
        ),
        {payout.payout_id: payout.traceparent for payout in cancelled},
    )


def _say_reversed(
    tx: Transaction, booked: Sequence[Entry], traces: Mapping[str, str | None] | None = None
) -> None:
    """Say what was booked, each under the trace of what it undoes if that is given."""
    for entry in booked:
        tx.emit(
            TransactionReversed(
                transaction_id=entry.transaction_id,
                reverses=entry.source_id,
                user_id=entry.user_id,
                sum=entry.sum,
                date=entry.day,
                reason=entry.note,
            ),
            traceparent=(traces or {}).get(entry.source_id),
        )

"""What analytics does with events that it hears.

Fees and rewards count on the business day of their own time, whenever they are heard.
"""

from analytics.commands import PAYOUT, REVERSAL, Entry, count_fees, count_moves, count_rewards
from chassis.access import remember_access
from chassis.clock import business_day
from chassis.database import Transaction
from chassis.inbox import Batch, Handlers
from contracts.accounts import PayoutRequested, TransactionReversed
from contracts.auth import AccessChanged
from contracts.tasks import TaskAssigned, TaskClosed

handlers = Handlers()
handlers.hears(AccessChanged)(remember_access)


@handlers.hears(TaskAssigned)
def count_assignments(tx: Transaction, events: Batch[TaskAssigned]) -> None:
    """The assignee owes the fee."""
    zone = tx.settings.zone
    entries = [
        Entry(
            event.data.assignment_id,
            event.data.assignee_id,
            business_day(event.data.assigned_at, zone),
            -event.data.fee,
        )
        for event in events
    ]
    count_fees(tx, entries)


@handlers.hears(TaskClosed)
def count_closed_tasks(tx: Transaction, events: Batch[TaskClosed]) -> None:
    """The assignee is owed the reward."""
    zone = tx.settings.zone
    entries = [
        Entry(
            event.data.task_id,
            event.data.assignee_id,
            business_day(event.data.closed_at, zone),
            event.data.reward,
        )
        for event in events
    ]
    count_rewards(tx, entries)


@handlers.hears(PayoutRequested)
def count_payouts(tx: Transaction, events: Batch[PayoutRequested]) -> None:
    """What the popug was owed is paid out for the day."""
    entries = [Entry(e.data.payout_id, e.data.user_id, e.data.date, -e.data.amount) for e in events]
    count_moves(tx, PAYOUT, entries)


@handlers.hears(TransactionReversed)
def count_reversals(tx: Transaction, events: Batch[TransactionReversed]) -> None:
    """A correction changes what the popug is owed."""
    entries = [
        Entry(e.data.transaction_id, e.data.user_id, e.data.date, e.data.sum) for e in events
    ]
    count_moves(tx, REVERSAL, entries)

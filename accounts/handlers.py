"""What the ledger does with events it hears. All of it commutes (contract, section 5)."""

from accounts import commands, domain
from accounts.commands import CancelledPayout
from chassis.access import remember_access
from chassis.database import Transaction
from chassis.inbox import Batch, Handlers
from contracts.auth import AccessChanged
from contracts.billing import PayoutCancelled
from contracts.tasks import TaskAssigned, TaskClosed

handlers = Handlers()
handlers.hears(AccessChanged)(remember_access)


@handlers.hears(TaskAssigned)
def charge_fees(tx: Transaction, events: Batch[TaskAssigned]) -> None:
    """Charge each assignee the fee of his assignment (rule 8)."""
    heard = [event.data for event in events]
    commands.post(
        tx,
        [
            domain.fee(
                each.assignment_id, each.task_id, each.assignee_id, each.fee, each.assigned_at
            )
            for each in heard
        ],
    )


@handlers.hears(TaskClosed)
def pay_rewards(tx: Transaction, events: Batch[TaskClosed]) -> None:
    """Pay the reward to each popug who closed his task (rule 8)."""
    heard = [event.data for event in events]
    commands.post(
        tx,
        [
            domain.reward(each.task_id, each.assignee_id, each.reward, each.closed_at)
            for each in heard
        ],
    )


@handlers.hears(PayoutCancelled)
def return_cancelled_payouts(tx: Transaction, events: Batch[PayoutCancelled]) -> None:
    """Give back what billing is not going to pay (rule 14)."""
    commands.return_payouts(
        tx,
        [
            CancelledPayout(
                event.data.payout_id,
                event.data.user_id,
                event.data.amount,
                event.data.reason or "",
                event.traceparent,
            )
            for event in events
        ],
    )

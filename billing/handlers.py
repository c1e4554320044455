"""What billing does with the events that it hears."""

from billing import commands
from chassis.access import remember_access
from chassis.database import Transaction
from chassis.inbox import Batch, Handlers
from contracts.accounts import PayoutRequested
from contracts.auth import AccessChanged

handlers = Handlers()
handlers.hears(AccessChanged)(remember_access)


@handlers.hears(PayoutRequested)
def make_payouts(tx: Transaction, events: Batch[PayoutRequested]) -> None:
    """Make a payout of each request."""
    commands.take_requests(tx, [event.data for event in events])

"""Building all figures again from the events that were ever heard."""

from sqlalchemy import func, select

from analytics.handlers import handlers
from analytics.models import counted, days, gate, loser_changes, standings, user_days
from chassis.database import Transaction
from chassis.events import decode
from chassis.inbox import apply, heard_events
from contracts.auth import AccessChanged


def rebuild(tx: Transaction) -> int:
    """Empty the figures and count every kept event again; says how many days there are now.

    All of it is one transaction: readers see the old figures until the new ones are
    whole, and events that come meanwhile wait. What is known of people's rights is no
    figure and stays as it is. Raises NotUnderstood, and then nothing has changed.
    """
    tx.execute(select(gate.c.name).with_for_update()).all()
    for table in (counted, user_days, standings, loser_changes, days):
        tx.execute(table.delete())
    for bodies in heard_events(tx):
        envelopes = [decode(body, handlers.types) for body in bodies]
        apply(tx, handlers, [e for e in envelopes if e.type != AccessChanged.type])
    tx.execute(gate.update().values(rebuilt_at=tx.now))
    return int(tx.execute(select(func.count()).select_from(days)).scalar_one())

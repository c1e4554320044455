"""What Prometheus is told of payouts: how many stand where."""

from sqlalchemy import func, select

from billing import claims
from billing.domain import PayoutStatus
from billing.models import payouts
from chassis.database import Reading
from chassis.figures import Figure


def figures(reading: Reading) -> list[Figure]:
    """Payouts by status; the index of what is to do counts them, no row is read."""
    counted = reading.execute(select(payouts.c.status, func.count()).group_by(payouts.c.status))
    values = {status.value: 0.0 for status in PayoutStatus}
    for status, number in counted:
        values[status] = number
    return [
        Figure("payouts", "Payouts by status", label="status", values=values),
        Figure(
            "payout_claims_open",
            "What a gateway says against our books and nobody has settled",
            float(claims.count_open(reading)),
        ),
    ]

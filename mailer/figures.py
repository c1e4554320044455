"""What Prometheus is told of mails: how many stand where."""

from sqlalchemy import func, select

from chassis.database import Reading
from chassis.figures import Figure
from mailer.domain import STATUSES
from mailer.models import mails


def figures(reading: Reading) -> list[Figure]:
    """Mails by status; the index of what is due counts them, no row is read."""
    counted = reading.execute(select(mails.c.status, func.count()).group_by(mails.c.status))
    values = dict.fromkeys(STATUSES, 0.0)
    for status, number in counted:
        values[status] = number
    return [Figure("mails", "Mails by status", label="status", values=values)]

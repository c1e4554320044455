"""What billing does by the clock."""

from billing.commands import SEND_PAYOUTS
from billing.sending import send_payouts
from chassis.jobs import Job

jobs = (Job(SEND_PAYOUTS, send_payouts, every_seconds=5),)

"""What billing does by the clock."""

from billing.commands import SEND_PAYOUTS
from billing.resealing import RESEAL_CARDS, reseal_cards
from billing.sending import send_payouts
from chassis.jobs import Job

jobs = (
    Job(SEND_PAYOUTS, send_payouts, every_seconds=5),
    Job(RESEAL_CARDS, reseal_cards, every_seconds=30),
)

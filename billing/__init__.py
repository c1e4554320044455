"""Billing: cards and payouts, and the gateways through which they go (rules 13 to 16).

Owns: cards (sealed), payouts and their history, the sandbox bank's book. Emits:
payout_succeeded, payout_failed, payout_cancelled. Hears: payout_requested (accounts),
access_changed (auth). Shows: `/billing/` my card and payouts, `/billing/payouts` all of
them, `/billing/reports/{date}` the day's report.

There is no `/billing/webhooks/` yet: the sandbox answers at once and sends none.
"""

from flask_babel import lazy_gettext as _l

from billing import reports_api
from billing.api import api
from billing.handlers import handlers
from billing.jobs import jobs
from billing.models import metadata
from billing.pages import pages
from billing.refusals import refusals
from billing.vault import prepare_vault
from chassis.service import Link, Service
from contracts.roles import BOOKKEEPERS

__all__ = ["reports_api", "service"]

service = Service(
    name="billing",
    package="billing",
    metadata=metadata,
    pages=(pages,),
    api=api,
    handlers=handlers,
    jobs=jobs,
    links=(
        Link(_l("My payouts"), "/", "credit-card"),
        Link(_l("Payouts"), "/payouts", "bank", roles=BOOKKEEPERS, also=("/reports",)),
    ),
    refusals=refusals,
    prepare=prepare_vault,
)

"""Billing: cards and payouts, and the gateways through which they go (rules 13 to 16).

Owns: cards (sealed), payouts and their history. Emits: payout_succeeded, payout_failed,
payout_cancelled. Hears: payout_requested (accounts), access_changed (auth). Shows:
`/billing/` my card and payouts, `/billing/payouts` all of them, `/billing/reports/{date}`
the day's report, `/billing/reports` that of a range, `/billing/cards/shared` cards that
several popugs have stored.

`/billing/webhooks/{gateway}`: what a gateway tells by itself.
"""

from flask_babel import lazy_gettext as _l

from billing import ranges_api, reports_api
from billing.api import api
from billing.deciding_pages import pages as deciding_pages
from billing.figures import figures
from billing.gateways.bank import guests
from billing.handlers import handlers
from billing.jobs import jobs
from billing.models import metadata
from billing.pages import pages
from billing.range_pages import pages as pages_of_ranges
from billing.reconciliation_pages import pages as reconciliation_pages
from billing.refusals import refusals
from billing.shared_cards_pages import pages as shared_cards_pages
from billing.status_lines import status_lines
from billing.vault import prepare_vault
from billing.webhooks import pages as webhooks
from chassis.service import Link, Service
from contracts.roles import BOOKKEEPERS

__all__ = ["ranges_api", "reports_api", "service"]

service = Service(
    name="billing",
    package="billing",
    metadata=metadata,
    pages=(
        pages,
        deciding_pages,
        webhooks,
        pages_of_ranges,
        shared_cards_pages,
        reconciliation_pages,
    ),
    api=api,
    handlers=handlers,
    jobs=jobs,
    links=(
        Link(_l("My payouts"), "/", "credit-card"),
        Link(
            _l("Payouts"),
            "/payouts",
            "bank",
            roles=BOOKKEEPERS,
            also=("/reports", "/cards", "/reconciliation"),
        ),
    ),
    refusals=refusals,
    figures=figures,
    status_lines=status_lines,
    guests=guests,
    prepare=prepare_vault,
)

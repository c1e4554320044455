"""Analytics: what management earns by day, who is in debt, and the priciest tasks (rule 18).

Owns: figures by day, built from events only and at any time again from zero. Emits:
nothing. Hears: task_assigned, task_closed (tasks); payout_requested,
transaction_reversed (accounts); access_changed (auth). Shows: `/analytics/`, to
managers and admins.
"""

from flask_babel import lazy_gettext as _l

from analytics.api import api
from analytics.handlers import handlers
from analytics.models import metadata
from analytics.pages import pages
from analytics.refusals import refusals
from chassis.service import Link, Service
from contracts.roles import MANAGEMENT

service = Service(
    name="analytics",
    package="analytics",
    metadata=metadata,
    pages=(pages,),
    api=api,
    handlers=handlers,
    links=(Link(_l("Analytics"), "/", "bar-chart-line", MANAGEMENT),),
    refusals=refusals,
)

"""Accounts: what everybody earned and owes.

Owns: the ledger (double entry, append-only), accounts, business days.
Emits: PayoutRequested, TransactionReversed.
Hears: TaskAssigned (charges the fee), TaskClosed (pays the reward), PayoutCancelled
(gives the money back), AccessChanged.
Shows: my account, pay slips, the company's days, everybody's accounts, closing of days.
"""

from flask_babel import lazy_gettext as _l

from accounts.api import api
from accounts.company_pages import pages as company_pages
from accounts.day_pages import pages as pages_of_days
from accounts.figures import figures
from accounts.handlers import handlers
from accounts.jobs import jobs
from accounts.models import metadata
from accounts.pages import pages
from accounts.payslip_pages import pages as pages_of_payslips
from accounts.refusals import refusals
from accounts.statement_files import pages as files_of_statements
from accounts.status_lines import status_lines
from chassis.service import Link, Service
from contracts.roles import ACCOUNTANT, ADMIN, BOOKKEEPERS, MANAGER

service = Service(
    name="accounts",
    package="accounts",
    metadata=metadata,
    pages=(pages, company_pages, pages_of_days, pages_of_payslips, files_of_statements),
    api=api,
    handlers=handlers,
    jobs=jobs,
    links=(
        Link(_l("My account"), "/", "wallet2", also=("/payslips",)),
        Link(_l("Company"), "/company", "graph-up", frozenset({MANAGER, ACCOUNTANT, ADMIN})),
        Link(_l("Accounts"), "/users", "people", BOOKKEEPERS, also=("/transactions",)),
        Link(_l("Days"), "/days", "calendar-check", BOOKKEEPERS),
    ),
    refusals=refusals,
    figures=figures,
    status_lines=status_lines,
)

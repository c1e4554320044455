"""Which services make Popug, in the order of the navigation."""

from pathlib import Path

import contracts
from accounts import service as accounts
from analytics import service as analytics
from auth import service as auth
from billing import service as billing
from chassis.system import System
from contracts.roles import ADMIN
from mailer import service as mailer
from tasks import service as tasks

system = System(
    services=(tasks, accounts, billing, mailer, analytics, auth),
    home="/tasks/",
    operators=frozenset({ADMIN}),
    catalogs=Path(__file__).parent / "translations",
)

__all__ = ["contracts", "system"]

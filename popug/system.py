"""Which services make Popug, in the order of the navigation."""

from pathlib import Path

import contracts
from accounts import service as accounts
from analytics import service as analytics
from auth import service as auth
from bank.app import Bank
from bank.server import open_bank
from billing import service as billing
from billing.gateways.bank import GUEST
from chassis.clock import Clock
from chassis.guests import guest_secret
from chassis.settings import Settings
from chassis.system import System
from contracts.roles import ADMIN
from mailer import service as mailer
from tasks import service as tasks


def silent_bank(settings: Settings, clock: Clock) -> Bank:
    """The sandbox bank as a guest that tells nobody."""
    return _bank(settings, clock, "")


def _telling_bank(settings: Settings, clock: Clock) -> Bank:
    """The sandbox bank as a guest that tells billing of what changes."""
    services = settings.service_url or f"{settings.public_url}/{{service}}"
    told = settings.bank_webhook_url or f"{services}/webhooks/sandbox".replace(
        "{service}", billing.name
    )
    return _bank(settings, clock, told)


def _bank(settings: Settings, clock: Clock, told: str) -> Bank:
    return open_bank(settings, settings.bank_key or guest_secret(settings, GUEST), clock, told)


system = System(
    services=(tasks, accounts, billing, mailer, analytics, auth),
    home="/tasks/",
    operators=frozenset({ADMIN}),
    catalogs=Path(__file__).parent / "translations",
    guests={GUEST: _telling_bank},
)

__all__ = ["contracts", "system"]

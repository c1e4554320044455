"""What auth does with events: it hears its own word on rights, as every service does."""

from chassis.access import remember_access
from chassis.inbox import Handlers
from contracts.auth import AccessChanged

handlers = Handlers()
handlers.hears(AccessChanged)(remember_access)

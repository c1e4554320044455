"""What tasks does when it hears of something: it remembers who has lost which rights."""

from chassis.access import remember_access
from chassis.inbox import Handlers
from contracts.auth import AccessChanged

handlers = Handlers()

handlers.hears(AccessChanged)(remember_access)

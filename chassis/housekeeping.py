"""What every service throws away by the clock: sent events and marks that are old."""

from datetime import timedelta
from typing import TYPE_CHECKING

from chassis import commits, outbox
from chassis.jobs import Job

if TYPE_CHECKING:
    from chassis.runtime import Runtime

EVERY_SECONDS = 600
AT_ONCE = 1_000
# An outcome is settled within seconds; a day leaves room for a process that was stopped.
KEEP_MARKS = timedelta(days=1)


def tidy(runtime: "Runtime") -> bool:
    """Forget one piece of what is old; says whether there may be more."""
    keep_sent = timedelta(days=runtime.settings.keep_sent_days)
    now = runtime.clock.now()
    sent = runtime.database.run_idempotent(outbox.forget_sent, now - keep_sent, AT_ONCE)
    marks = runtime.database.run_idempotent(commits.forget, now - KEEP_MARKS, AT_ONCE)
    return AT_ONCE in (sent, marks)


HOUSEKEEPING = Job("housekeeping", tidy, EVERY_SECONDS)

"""What the ledger does by the clock."""

from accounts import closing
from chassis.jobs import Job
from chassis.runtime import Runtime

LOOK_SECONDS = 60.0


def close_days(runtime: Runtime) -> bool:
    """Close every business day that is over, nights that were missed included (rule 10)."""
    return closing.close_finished_days(runtime.database)


jobs = (Job(closing.CLOSE_DAYS, close_days, LOOK_SECONDS),)

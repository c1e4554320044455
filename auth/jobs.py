"""What auth does by the clock: it forgets what has no use any more."""

from auth import attempts, sessions
from chassis.database import Transaction
from chassis.jobs import Job
from chassis.runtime import Runtime

EVERY_SECONDS = 3_600.0


def forget(runtime: Runtime) -> bool:
    """Delete old failed sign-ins and long expired sessions."""
    runtime.database.run(_forget)
    return False


def _forget(tx: Transaction) -> None:
    attempts.forget_old(tx)
    sessions.forget_expired(tx)


jobs = (Job("forget", forget, EVERY_SECONDS),)

"""The job that does the work of shuffles, a chunk at a time."""

from chassis.jobs import Job
from chassis.runtime import Runtime
from tasks import commands
from tasks.candidates import CHANCE, CandidatesUnknown, candidates_of
from tasks.domain import NoCandidates
from tasks.shuffles import running_shuffle


def deal(runtime: Runtime) -> bool:
    """Deal one chunk of the shuffle whose turn it is; says whether there may be more.

    Without anybody to deal to, the shuffle waits and is tried again: it never fails.
    """
    if runtime.database.read(running_shuffle) is None:
        return False
    try:
        candidates = candidates_of(runtime).ids()
        return runtime.database.run(commands.deal_chunk, candidates, CHANCE)
    except (CandidatesUnknown, NoCandidates) as nobody:
        runtime.log.warning("a shuffle waits for people", reason=type(nobody).__name__)
        return False


deal_shuffles = Job("deal", deal, every_seconds=2.0)

"""The job that does the work of shuffles, a chunk at a time."""

from datetime import timedelta

from chassis.jobs import Job
from chassis.runtime import Runtime
from tasks import commands
from tasks.candidates import CHANCE, FRESH, CandidatesUnknown, candidates_of
from tasks.domain import NoCandidates
from tasks.shuffles import running_shuffle

# A shuffle asks auth as it begins, and again only if it takes long: a list of many thousand
# people would else be fetched between its chunks. Who is called off meanwhile is heard of.
LASTS = timedelta(minutes=2)


def deal(runtime: Runtime) -> bool:
    """Deal one chunk of the shuffle whose turn it is; says whether there may be more.

    Without anybody to deal to, the shuffle waits and is tried again: it never fails.
    """
    shuffle = runtime.database.read(running_shuffle)
    if shuffle is None:
        return False
    try:
        candidates = candidates_of(runtime).ids(LASTS if shuffle.cursor else FRESH)
        return runtime.database.run(commands.deal_chunk, candidates, CHANCE)
    except (CandidatesUnknown, NoCandidates) as nobody:
        runtime.log.warning("a shuffle waits for people", reason=type(nobody).__name__)
        if isinstance(nobody, NoCandidates):
            candidates_of(runtime).forget()
        return False


deal_shuffles = Job("deal", deal, every_seconds=2.0)

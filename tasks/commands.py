"""What may be done with tasks: each function is one change, inside one transaction.

`candidates` are the ids of those on whom a task may land, `chance` draws among them.
"""

from collections.abc import Sequence
from random import Random
from typing import TypeAlias

from chassis.database import Transaction
from chassis.ids import new_id
from chassis.masking import without_card_numbers
from contracts.tasks import TaskAssigned, TaskClosed
from tasks import domain, models, shuffles
from tasks.board import count_some, last_open_position
from tasks.candidates import called_off, draw_candidate, still_candidates, stuck_tasks
from tasks.domain import Assignment, NoCandidates, NotACandidate, OpenTask, Reason, Shuffle, Task
from tasks.drafts import Draft
from tasks.keys import Key, use_key

TASKS_PER_TRANSACTION = 500
HOLDERS_PER_TRANSACTION = 100
# Who starts a shuffle waits for that, some milliseconds, however many tasks there are.
COUNTED_AT_ONCE = 50_000

AnyTask: TypeAlias = Task | OpenTask


def create_task(
    tx: Transaction,
    draft: Draft,
    by: str,
    candidates: Sequence[str],
    chance: Random,
    *,
    key: Key | None = None,
) -> Task:
    """Make a task of the draft, with prices and an assignee drawn by chance.

    Raises NoCandidates, and IntegrityError if `key` was used meanwhile.
    """
    task_id = new_id()
    use_key(tx, key, task_id)
    prices = domain.draw_prices(chance)
    task = Task(
        position=0,  # the database counts
        id=task_id,
        title=without_card_numbers(draft.title),
        jira_id=draft.jira_id,
        description=without_card_numbers(draft.description),
        assignee_id=draw_candidate(tx, candidates, chance),
        fee=prices.fee,
        reward=prices.reward,
        created_by=by,
        created_at=tx.now,
        closed_at=None,
    )
    assignment = _assignment(tx, task, task.assignee_id, "created")
    models.add_task(tx, task, assignment)
    tx.emit(_assigned(task, assignment))
    return task


def close_task(tx: Transaction, task_id: str, by: str) -> Task:
    """Close the open task that `by` holds.

    One conditional update decides, so that of a close and a reassignment at the same
    time one wins. Raises TaskNotFound, NeverYours, AlreadyClosed, ReassignedMeanwhile.
    """
    closed = models.close_if_held(tx, task_id, by)
    task = models.find_task(tx, task_id)
    if not closed:
        raise domain.why_not_closed(task, by, models.has_held(tx, task_id, by))
    tx.emit(
        TaskClosed(
            task_id=task.id,
            assignee_id=by,
            fee=task.fee,
            reward=task.reward,
            closed_at=tx.now,
        )
    )
    return task


def reassign_task(
    tx: Transaction,
    task_id: str,
    candidates: Sequence[str],
    chance: Random,
    to: str | None = None,
) -> Task:
    """Give an open task to `to`, or to a candidate drawn by chance.

    Raises TaskNotFound, AlreadyClosed, NotACandidate, NoCandidates.
    """
    task = models.task_for_update(tx, task_id)
    if task.closed_at:
        raise domain.AlreadyClosed
    if to is None:
        to = draw_candidate(tx, candidates, chance)
    elif to not in candidates or called_off(tx, to):
        raise NotACandidate
    _give(tx, [task], [to], "reassigned")
    return models.find_task(tx, task_id)


def hand_over(tx: Transaction, candidates: Sequence[str], chance: Random) -> int:
    """Reassign some of the tasks that are stuck (rule 7); says how many.

    To be called until none are left. Raises NoCandidates.
    """
    holders = sorted(stuck_tasks(tx, set(candidates)))[:HOLDERS_PER_TRANSACTION]
    stuck = models.open_tasks_for_update(
        tx, TASKS_PER_TRANSACTION, models.tasks.c.assignee_id.in_(holders)
    )
    _give(tx, stuck, _draw_for(tx, stuck, candidates, chance), "reassigned")
    return len(stuck)


def start_shuffle(
    tx: Transaction, by: str, candidates: Sequence[str], *, key: Key | None = None
) -> str:
    """Have all tasks that are open now dealt anew, by the job; the shuffle's id.

    Raises NoCandidates, and IntegrityError if `key` was used meanwhile.
    """
    if not still_candidates(tx, candidates):
        raise NoCandidates
    shuffle_id = new_id()
    use_key(tx, key, shuffle_id)
    shuffle = Shuffle(shuffle_id, by, tx.now, total=0, up_to=last_open_position(tx))
    shuffles.add_shuffle(tx, _count_on(tx, shuffle, after=0))
    tx.wake("deal")
    return shuffle_id


def deal_chunk(tx: Transaction, candidates: Sequence[str], chance: Random) -> bool:
    """Go on with the oldest running shuffle by one chunk; says whether there was one.

    The cursor moves in the commit that deals, so that after a crash each task is still
    dealt once. Raises NoCandidates.
    """
    shuffle = shuffles.running_shuffle_for_update(tx)
    if shuffle is None:
        return False
    if shuffle.uncounted_after is not None:
        shuffles.save_shuffle(tx, _count_on(tx, shuffle, shuffle.uncounted_after))
        return True
    position = models.tasks.c.position
    chunk = models.open_tasks_for_update(
        tx, TASKS_PER_TRANSACTION, position > shuffle.cursor, position <= shuffle.up_to
    )
    _give(tx, chunk, _draw_for(tx, chunk, candidates, chance), "shuffled", shuffle.id)
    at_the_end = len(chunk) < TASKS_PER_TRANSACTION
    dealt = [task.position for task in chunk]
    shuffles.save_shuffle(tx, domain.go_on(shuffle, dealt, at_the_end, tx.now))
    return True


def _count_on(tx: Transaction, shuffle: Shuffle, after: int) -> Shuffle:
    return domain.count_on(shuffle, *count_some(tx, after, shuffle.up_to, COUNTED_AT_ONCE))


def _draw_for(
    tx: Transaction, tasks: Sequence[OpenTask], candidates: Sequence[str], chance: Random
) -> list[str]:
    """A draw for each task, independent of the others."""
    pool = still_candidates(tx, candidates) if tasks else []
    return [domain.draw_assignee(pool, chance) for _ in tasks]


def _give(
    tx: Transaction,
    tasks: Sequence[AnyTask],
    assignees: Sequence[str],
    reason: Reason,
    shuffle_id: str | None = None,
) -> None:
    """Assign open tasks that this transaction has locked, each to the assignee beside it."""
    dealt = [
        (task, _assignment(tx, task, assignee, reason))
        for task, assignee in zip(tasks, assignees, strict=True)
    ]
    models.give_tasks(tx, [new for _, new in dealt], shuffle_id)
    events = (_assigned(task, new) for task, new in dealt)
    tx.emit(*events, bulk=shuffle_id is not None)


def _assignment(tx: Transaction, task: AnyTask, assignee_id: str, reason: Reason) -> Assignment:
    return Assignment(new_id(), task.id, assignee_id, reason, tx.now)


def _assigned(task: AnyTask, assignment: Assignment) -> TaskAssigned:
    return TaskAssigned(
        assignment_id=assignment.id,
        task_id=task.id,
        assignee_id=assignment.assignee_id,
        fee=task.fee,
        reward=task.reward,
        reason=assignment.reason,
        assigned_at=assignment.assigned_at,
    )

"""What pages and the API do alike around a command: who asks, on whom tasks may land."""

from dataclasses import astuple

from chassis.access import current_user
from chassis.runtime import query, runtime, transact
from contracts.rest import person_names
from tasks import commands, models
from tasks.candidates import CHANCE, candidates_of
from tasks.domain import HeldByAnother, Task
from tasks.drafts import Draft
from tasks.keys import Key, once
from tasks.refusals import problem_of


def create(draft: Draft, key: Key | None) -> Task:
    """Make a task, once per key; or what has become of the one that was made with it."""
    made: dict[str, Task] = {}

    def make() -> str:
        who, candidates = current_user.user_id, candidates_of(runtime).ids()
        task = transact(commands.create_task, draft, who, candidates, CHANCE, key=key)
        made[task.id] = task
        return task.id

    task_id = once(key, make)
    return made.get(task_id) or query(models.find_task, task_id)


def request_of(draft: Draft) -> tuple[str | None, ...]:
    """What a key for making a task stands for."""
    return ("task", *astuple(draft))


def close(task_id: str) -> Task:
    """Close a task of whoever asks. Raises Problem with who holds it, if he does not."""
    try:
        return transact(commands.close_task, task_id, current_user.user_id)
    except HeldByAnother as error:
        error.holder = person_names(runtime.remote, [error.holder_id])[error.holder_id]
        problem = problem_of(error)
        problem.extra["holder_id"] = error.holder_id
        raise problem from error


def reassign(task_id: str, to: str | None) -> Task:
    """Give a task to `to`, or to somebody by chance."""
    return transact(commands.reassign_task, task_id, candidates_of(runtime).ids(), CHANCE, to)


def hand_over() -> int:
    """Reassign every stuck task, some at a time; says how many."""
    candidates = candidates_of(runtime).ids()
    total = 0
    while moved := transact(commands.hand_over, candidates, CHANCE):
        total += moved
    return total


def shuffle(key: Key | None) -> str:
    """Start a shuffle, once per key; its id."""
    return once(
        key,
        lambda: transact(
            commands.start_shuffle,
            current_user.user_id,
            candidates_of(runtime).ids(),
            key=key,
        ),
    )

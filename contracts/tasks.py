"""What tasks says."""

from typing import Literal

from pydantic import AwareDatetime

from chassis.events import Amount, Event, EventId


class TaskAssigned(Event, type="popug.tasks.task_assigned.v1", subject="task_id"):
    """A task landed on a popug: he owes the fee. `fee` and `reward` are cents."""

    assignment_id: EventId
    task_id: EventId
    assignee_id: EventId
    fee: Amount
    reward: Amount
    reason: Literal["created", "shuffled", "reassigned"]
    assigned_at: AwareDatetime


class TaskClosed(Event, type="popug.tasks.task_closed.v1", subject="task_id"):
    """A popug closed his task: he is owed the reward. `fee` and `reward` are cents."""

    task_id: EventId
    assignee_id: EventId
    fee: Amount
    reward: Amount
    closed_at: AwareDatetime

"""What auth says."""

from typing import Annotated, Literal

from pydantic import Field

from chassis.events import Event, EventId


class AccessChanged(Event, type="popug.auth.access_changed.v1", subject="user_id"):
    """A person's rights changed, or some of his sessions ended.

    The highest `epoch` of a user holds, whatever the order of delivery.
    """

    user_id: EventId
    role: Literal["worker", "accountant", "manager", "admin"]
    active: bool
    epoch: Annotated[int, Field(ge=0, le=2**31 - 1)]
    # Sessions that are over; their tokens are refused from now on.
    ended_sessions: list[EventId] = Field(default_factory=list)

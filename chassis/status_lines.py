"""What a service has to tell of itself on the status page, beside what all of them do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from chassis.database import Reading


class Told(NamedTuple):
    """A figure (a number, or a text that needs no translation), and whether it needs a person."""

    value: int | str
    needs_a_person: bool = False


@dataclass(frozen=True)
class StatusLine:
    """One figure of a service: `name` for programs, `title` for people.

    `advice` is what to do when it needs a person; `path` is the service's page for that.
    """

    name: str
    title: Any
    look: Callable[[Reading], Told]
    advice: Any = ""
    path: str = "/"

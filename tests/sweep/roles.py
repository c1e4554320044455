"""Who is killed on servers, and at what: web processes at a request, workers at their work."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.sweep.company import Company
from tests.sweep.feeder import relay_tasks
from tests.sweep.stages import close, close_again, create, reassign, reassign_again


@dataclass(frozen=True)
class Role:
    """Who is killed, at what. `before` is done to the point's task by somebody healthy.

    In the end the task has `assignments` and is closed or not.
    """

    name: str
    before: Callable[[Company, str], Any] | None
    act: Callable[[Company, str], Any] | None = None
    again: Callable[[Company, str], Any] | None = None
    service: str = ""
    assignments: int = 2
    closed: bool = True


def make_and_give(company: Company, title: str) -> None:
    create(company, title)
    reassign(company, title)


def make_give_and_close(company: Company, title: str) -> None:
    make_and_give(company, title)
    close(company, title)


def make_give_close_and_send(company: Company, title: str) -> None:
    make_give_and_close(company, title)
    relay_tasks(company)


ROLES = (
    Role("web: create", None, create, create, assignments=1, closed=False),
    Role("web: reassign", create, reassign, reassign_again, closed=False),
    Role("web: close", make_and_give, close, close_again),
    Role("worker of tasks", make_give_and_close, service="tasks"),
    Role("worker of accounts", make_give_close_and_send, service="accounts"),
    Role("worker of analytics", make_give_close_and_send, service="analytics"),
)

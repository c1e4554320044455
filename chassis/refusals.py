"""Saying no: RFC 9457 problems, and how a domain error becomes one.

A service lists its domain errors with the status and the sentence that people read:

    refusals = {TaskAlreadyClosed: Refusal(409, _l("This task is already closed."))}

The sentence may use the error's attributes: `%(holder)s`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """The HTTP status and the sentence for one kind of error.

    `sentence` is translated when it is shown; it says what to do where that is not plain.
    """

    status: int
    sentence: Any


class Problem(Exception):
    """A request that is answered with a status and a sentence.

    `extra` stands beside `detail` in the JSON: `{"task_id": "..."}`.
    """

    def __init__(
        self, status: int, detail: Any, headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(str(status))
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase


def as_problem(error: Exception, refusals: Mapping[type[Exception], Refusal]) -> Problem | None:
    """The problem for a domain error, or None if the service lists none."""
    for kind in type(error).__mro__:
        if kind in refusals:
            refusal = refusals[kind]
            return Problem(refusal.status, str(refusal.sentence) % vars(error))
    return None

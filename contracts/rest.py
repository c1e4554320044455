"""What services ask each other over REST when a page is shown."""

from collections.abc import Iterable

from flask_babel import gettext as _

from chassis.remote import Remote


class _Labels(dict[str, str]):
    """Labels by id; for an id that could not be had, a plain word instead."""

    def __init__(self, found: dict[str, str], instead: str) -> None:
        super().__init__(found)
        self._instead = instead

    def __missing__(self, _id: str) -> str:
        return self._instead


def person_names(remote: Remote, ids: Iterable[str | None]) -> dict[str, str]:
    """Names by user id, asked of auth; `names[id]` is "name unavailable" without it."""
    wanted = [i for i in ids if i]
    found = remote.labels("auth", "/api/v1/users", wanted, "name")
    return _Labels(found, _("name unavailable"))


def task_titles(remote: Remote, ids: Iterable[str | None]) -> dict[str, str]:
    """Titles by task id, asked of tasks; `titles[id]` is "title unavailable" without it."""
    wanted = [i for i in ids if i]
    found = remote.labels("tasks", "/api/v1/tasks", wanted, "title")
    return _Labels(found, _("title unavailable"))

"""Parts of pages that are made once: the same macro of the same values says the same.

    {{ remembered(row, task) }}

`row(task)` runs where nobody has asked for it in this template and language before; else what
it gave is given again. All that it says must come from its values, the language and the path
that the service is mounted at: then nothing that is remembered can be out of date. A table may
be remembered whole, and its rows one by one: of a changed table, only what changed is made.
"""

from collections.abc import Hashable
from threading import Lock
from typing import Any

from flask import Flask
from jinja2 import pass_context
from jinja2.runtime import Context, Macro

# In all; some hundred make a row of a table.
CHARACTERS_MOST = 8_000_000


class _Parts:
    """What was made, forgotten all at once when it is too much. Thread-safe."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}
        self._characters = 0
        self._lock = Lock()
        self.get = self._made.get

    def keep(self, key: Hashable, part: Any) -> None:
        with self._lock:
            if self._characters + len(part) > CHARACTERS_MOST:
                self._made.clear()
                self._characters = 0
            self._made[key] = part
            self._characters += len(part)


def remember_parts(app: Flask) -> None:
    """Give the app's templates `remembered(macro, *values)`; values are hashable."""
    parts = _Parts()

    @pass_context
    def remembered(context: Context, macro: Macro, *values: Hashable) -> Any:
        key = (context.name, macro.name, context["language"], context["mounted_at"], values)
        part = parts.get(key)
        if part is None:
            part = macro(*values)
            parts.keep(key, part)
        return part

    app.jinja_env.globals["remembered"] = remembered

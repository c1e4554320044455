"""Parts of pages that are made once: the same macro of the same values says the same.

    {{ remembered(row, task) }}

`row(task)` runs where nobody has asked for it in this template and language before; else what
it gave is given again. All that it says must come from its values, the language and the path
that the service is mounted at: then nothing that is remembered can be out of date.
"""

from collections.abc import Hashable
from typing import Any

from flask import Flask
from jinja2 import pass_context
from jinja2.runtime import Context, Macro

PARTS_MOST = 10_000


def remember_parts(app: Flask) -> None:
    """Give the app's templates `remembered(macro, *values)`; values are hashable."""
    parts: dict[Hashable, Any] = {}

    @pass_context
    def remembered(context: Context, macro: Macro, *values: Hashable) -> Any:
        key = (context.name, macro.name, context["language"], context["mounted_at"], values)
        part = parts.get(key)
        if part is None:
            part = macro(*values)
            if len(parts) >= PARTS_MOST:
                parts.clear()
            parts[key] = part
        return part

    app.jinja_env.globals["remembered"] = remembered

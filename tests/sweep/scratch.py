"""The invariant that replays analytics needs an empty database each time: a ready one, copied."""

import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import popug.invariants
from chassis.database import Database
from chassis.migrations import migrate


class _Scratch(Database):
    """Statements on it are compiled once for all points."""

    compiled: dict[Any, Any] = {}  # noqa: RUF012 - shared by all on purpose

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.engine = self.engine.execution_options(compiled_cache=self.compiled)


def share_scratch(folder: Path) -> None:
    """From now on in this process, make each scratch database by copying one in `folder`."""

    def copy(database: Database, package: str) -> None:
        ready = folder / f"{package}.db"
        if not ready.exists():
            folder.mkdir(exist_ok=True)
            migrate(database, package)
            database.dispose()
            shutil.copy(str(database.engine.url.database), ready)
        else:
            shutil.copy(ready, str(database.engine.url.database))

    patch.object(popug.invariants, "Database", _Scratch).start()
    patch.object(popug.invariants, "migrate", copy).start()

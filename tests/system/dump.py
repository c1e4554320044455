"""The server's own tools to dump and restore databases, as docs/operations.md says it."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests import mariadb


def why_not() -> str | None:
    """What is missing here, or None."""
    return None if _tool("mysqldump", "mariadb-dump") else "mysqldump is not installed"


def dump(databases: Sequence[str], file: Path) -> None:
    """All databases as they are at one moment."""
    options = ["--single-transaction", "--quick", "--add-drop-database"]
    options += ["--databases", *databases]
    with file.open("wb") as out:
        subprocess.run(
            [_tool("mysqldump", "mariadb-dump"), *_server(), *options],
            stdout=out,
            env=_environment(),
            check=True,
            timeout=120,
        )


def restore(file: Path) -> None:
    """Put the databases of a dump in the place of those that are there."""
    with file.open("rb") as statements:
        subprocess.run(
            [_tool("mysql", "mariadb"), *_server()],
            stdin=statements,
            env=_environment(),
            check=True,
            timeout=120,
        )


def _tool(*names: str) -> str:
    return next((path for name in names if (path := shutil.which(name))), "")


def _server() -> list[str]:
    host, _, port = mariadb.SERVER.partition(":")
    return [f"--host={host}", f"--port={port or 3306}", f"--user={mariadb.USER}"]


def _environment() -> dict[str, str]:
    return {**os.environ, "MYSQL_PWD": mariadb.PASSWORD}

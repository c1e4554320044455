"""`popug backup`: a copy of a working system that stands on files, taken at one moment.

A system on MySQL or MariaDB is dumped by the server's own tool, which sees all databases
of one server at one moment as well (docs/operations.md).
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import click

from bank.server import FILE_NAME as BANK
from chassis.settings import Settings
from popug.system import system

# A writer holds a database for one transaction; a shuffle's or a closing's are the longest.
BUSY_SECONDS = 60
LOGINS = "demo-logins.json"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def backup(folder: Path) -> None:
    """Copy databases and keys of the embedded form to FOLDER, which must not be there yet.

    Popug may be at work meanwhile. To restore, make FOLDER the data folder (POPUG_DATA).
    """
    settings: Settings = click.get_current_context().meta["settings"]
    if settings.database_url:
        raise click.ClickException(
            "the databases are on a server: dump them with its own tool "
            "(docs/operations.md, Backup and restore)"
        )
    copy_to(folder, settings)
    click.echo(f"The backup is in {folder}. It holds the keys: keep it as safe as the original.")


def copy_to(folder: Path, settings: Settings) -> None:
    """Copy everything to `folder`, which appears whole or not at all.

    Raises click.ClickException when it is there already, or there is nothing to copy.
    """
    sources = [settings.data / f"{name}.db" for name in system.names]
    missing = [path.name for path in sources if not path.exists()]
    if missing:
        raise click.ClickException(f"{settings.data} holds no {', '.join(missing)}")
    if (settings.data / BANK).exists():
        # The sandbox bank's, where it lives here: what it has paid is paid in billing as well.
        sources.append(settings.data / BANK)
    if folder.exists():
        raise click.ClickException(f"{folder} is there already; name a new folder")
    partial = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    with _at_one_moment(sources) as snapshots:
        for source, snapshot in zip(sources, snapshots, strict=True):
            with closing(sqlite3.connect(partial / source.name)) as copy:
                snapshot.backup(copy)
    shutil.copytree(settings.keys, partial / "keys")
    if (settings.data / LOGINS).exists():
        shutil.copy2(settings.data / LOGINS, partial)
    partial.rename(folder)


@contextmanager
def _at_one_moment(paths: Sequence[Path]) -> Iterator[list[sqlite3.Connection]]:
    """Connections that see all databases as they were at one and the same moment.

    Every writer is kept out for as long as it takes to begin reading everywhere. An effect
    in one database is therefore never copied without its cause in another. No writer of
    Popug holds two databases, so taking them one after the other cannot lock.
    """
    with ExitStack() as stack:
        readers = [stack.enter_context(closing(_connect(path))) for path in paths]
        with ExitStack() as held:
            for path in paths:
                held.enter_context(closing(_connect(path))).execute("BEGIN IMMEDIATE")
            for reader in readers:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield readers


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)

"""The `popug` command."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from accounts.cli import close_day
from analytics.cli import analytics
from auth.cli import users
from auth.models import anybody
from billing import vault
from chassis import logs, process, server
from chassis.keys import make_keys
from chassis.settings import Settings, load_settings
from chassis.system import Embedded
from popug import demo, status
from popug.opening import migrate_service, opener
from popug.parked import parked
from popug.reconcile import reconcile
from popug.sentences import sentence_for
from popug.system import system

# Databases hold what is nobody else's business, whoever made the data folder.
PRIVATE = 0o077


class _Group(click.Group):
    """Turns what an operator can mend into one sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            sentence = sentence_for(error)
            if sentence is None:
                raise
            logs.log().debug("the command ends", exc_info=error)
            raise click.ClickException(sentence) from error


@click.group(cls=_Group)
@click.pass_context
def main(context: click.Context) -> None:
    """Popug: the task tracker in which UberPopug Inc. pays its people by task."""
    os.umask(PRIVATE)
    settings = load_settings()
    logs.configure(settings.log_level, settings.log_format)
    context.obj = opener(settings)
    context.meta["settings"] = settings


_service = click.argument("service", type=click.Choice(system.names))


def _settings() -> Settings:
    settings: Settings = click.get_current_context().meta["settings"]
    return settings


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--port",
    default=8000,
    type=click.IntRange(0, 65_535),
    show_default=True,
    help="0 takes a free one",
)
@click.option("--demo", "with_demo", is_flag=True, help="a demo company on the first start")
@click.option("--reset", is_flag=True, help="forget everything first (asks)")
@click.option("--yes", is_flag=True, help="do not ask")
def run(host: str, port: int, with_demo: bool, reset: bool, yes: bool) -> None:
    """Run all six services here, on files and an in-process broker."""
    settings = _settings()
    with server.listen(host, port) as listener, server.sole_user(settings.data):
        url = f"http://{host}:{listener.getsockname()[1]}"
        if "POPUG_PUBLIC_URL" not in os.environ:
            settings = settings.model_copy(update={"public_url": url})
        if reset:
            _forget(settings, yes)
        if with_demo:
            demo.make_once(settings)
        embedded = Embedded(system, settings)
        listener.listen(server.BACKLOG)  # who reads the next line may come at once
        click.echo(f"Popug is at {url}  (Ctrl-C stops it)")
        click.echo(demo.logins_text(settings) or _first_steps(embedded))
        sys.stdout.flush()
        server.serve(embedded, listener)
    click.echo("Stopped; everything is kept.")


def _first_steps(embedded: Embedded) -> str:
    if embedded.runtimes["auth"].database.read(anybody):
        return ""
    return (
        "Nobody can sign in yet. Add the first person in another terminal:\n"
        "  popug users add you@example.com --name You --role admin"
    )


def _forget(settings: Settings, yes: bool) -> None:
    """Delete what Popug itself has made in the data folder, and nothing else."""
    if not settings.embedded:
        raise click.ClickException(
            "--reset is for the embedded form only; drop the databases of a server by hand"
        )
    if not yes:
        click.confirm(f"Delete all of Popug's data in {settings.data.resolve()}?", abort=True)
    for name in system.names:
        for path in settings.data.glob(f"{name}.db*"):
            path.unlink()
    for folder in (settings.keys, settings.data / demo.UNFINISHED):
        if folder.exists():
            shutil.rmtree(folder)
    (settings.data / demo.LOGINS).unlink(missing_ok=True)


@main.command()
@_service
@click.option("--bind", default="127.0.0.1:8000", show_default=True, help="address and port")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
@click.option("--threads", default=8, show_default=True, type=click.IntRange(1, 256))
def web(service: str, bind: str, workers: int, threads: int) -> None:
    """Answer the requests of one service, behind nginx."""
    process.answer(system, service, _settings(), bind=bind, workers=workers, threads=threads)


@main.command()
@_service
def worker(service: str) -> None:
    """Relay, consume and run the jobs of one service."""
    process.work(system, service, _settings())


@main.command()
@click.argument("service", required=False, type=click.Choice(system.names))
def migrate(service: str | None) -> None:
    """Bring the databases (or one service's) up to date."""
    for name in [service] if service else system.names:
        changed = migrate_service(_settings(), name)
        click.echo(f"{name}: {'brought up to date' if changed else 'up to date'}")


@main.command("make-keys")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def make_production_keys(folder: Path) -> None:
    """Make the keys that a production system is given, in FOLDER; none is replaced.

    Each service needs its own private key and all public ones; billing the card key too.
    """
    make_keys(folder, system.names)
    if not (folder / vault.FILE_NAME).exists():
        vault.make_key(folder / vault.FILE_NAME)
    click.echo(f"The keys are in {folder}. Keep a copy where nobody else can read it.")


@main.command("demo-logins")
def demo_logins() -> None:
    """Print the demo company's logins again."""
    text = demo.logins_text(_settings())
    if not text:
        raise click.ClickException("there is no demo company in this data folder")
    click.echo(text)


@main.command("status")
@click.option("--json", "as_json", is_flag=True)
def show_status(as_json: bool) -> None:
    """How each service is: its database, what waits to be sent, what is parked."""
    rows = status.look(opener(_settings()))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        table = Table("service", "database", "waiting events", "oldest", "parked")
        for row in rows:
            table.add_row(
                row["service"],
                "ok" if row["ok"] else row["error"],
                str(row["waiting"]),
                row["oldest"] or "",
                str(row["parked"]),
            )
        Console().print(table)
    if not all(row["ok"] for row in rows):
        sys.exit(1)


@main.group()
def rebuild() -> None:
    """Build a service's tables again from the events it has heard."""


main.add_command(users)
main.add_command(close_day)
main.add_command(reconcile)
main.add_command(parked)
rebuild.add_command(analytics)

"""The `popug` command."""

import json
import os
import shutil
import sys
from typing import Any

import click

from accounts.cli import close_day, cron
from analytics.cli import analytics
from auth.cli import users
from auth.models import anybody
from bank import server as bank_server
from chassis import logs, process, server
from chassis.health_server import address
from chassis.settings import Settings, load_settings
from chassis.system import Embedded
from popug import demo, status
from popug.backup import backup
from popug.bank_faults import bank_faults
from popug.container_secrets import make_container_secrets
from popug.keys import make_production_keys, rotate_key
from popug.opening import migrate_service, opener
from popug.parked import parked
from popug.reconcile import reconcile
from popug.resend import resend
from popug.sentences import sentence_for
from popug.system import system

# Databases hold what is nobody else's business, whoever made the data folder.
PRIVATE = 0o077

PROCESSES = ("web", "worker")


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
            if ctx.invoked_subcommand in PROCESSES:
                # Whoever collects their lines finds the last one in the same form.
                logs.log().critical(sentence)
                ctx.exit(1)
            raise click.ClickException(sentence) from error


@click.group(cls=_Group)
@click.pass_context
def main(context: click.Context) -> None:
    """Popug: the task tracker in which UberPopug Inc. pays its people by task."""
    os.umask(PRIVATE)
    # Before anything can be refused: what the logs do by default prints every variable.
    logs.configure("WARNING", "text")
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
        if "public_url" not in settings.model_fields_set:
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
    for name in (*system.names, *system.guests):
        for path in settings.data.glob(f"{name}.db*"):
            path.unlink()
    for folder in (settings.keys, settings.data / demo.UNFINISHED):
        if folder.exists():
            shutil.rmtree(folder)
    (settings.data / demo.LOGINS).unlink(missing_ok=True)


def _address(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, int] | None:
    try:
        return address(value) if value is not None else None
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from wrong


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
@click.option(
    "--bind",
    callback=_address,
    help="ADDRESS:PORT for /healthz, /readyz and /metrics; without it nothing is served",
)
def worker(service: str, bind: tuple[str, int] | None) -> None:
    """Relay, consume and run the jobs of one service."""
    process.work(system, service, _settings(), bind)


@main.command()
@click.option("--bind", callback=_address, default="127.0.0.1:8090", show_default=True)
def bank(bind: tuple[str, int]) -> None:
    """The sandbox bank as a process of its own, at POPUG_BANK_URL for billing. Pays nobody."""
    bank_server.serve(_settings(), *bind)


@main.command()
@click.argument("service", required=False, type=click.Choice(system.names))
def migrate(service: str | None) -> None:
    """Bring the databases (or one service's) up to date."""
    for name in [service] if service else system.names:
        changed = migrate_service(_settings(), name)
        click.echo(f"{name}: {'brought up to date' if changed else 'up to date'}")


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
    """How each service is, and what needs a person; exit code 1 if anything does."""
    look = status.look(opener(_settings()), _settings())
    if as_json:
        click.echo(json.dumps(status.as_json(look), indent=2))
    else:
        status.show(look)
    if look.troubles:
        sys.exit(1)


@main.group()
def rebuild() -> None:
    """Build a service's tables again from the events it has heard."""


main.add_command(users)
main.add_command(backup)
main.add_command(bank_faults)
main.add_command(make_container_secrets)
main.add_command(make_production_keys)
main.add_command(rotate_key)
main.add_command(close_day)
main.add_command(cron)
main.add_command(reconcile)
main.add_command(parked)
main.add_command(resend)
rebuild.add_command(analytics)

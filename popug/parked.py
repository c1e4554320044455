"""`popug parked`: events that could not be applied, and what a person decides of them."""

import getpass
import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from chassis import parking
from chassis.events import NotUnderstood
from chassis.runtime import OpenRuntime
from popug.system import system

_service = click.argument("service", type=click.Choice(system.names))
_number = click.argument("number", type=click.IntRange(1, 2**63 - 1))


@click.group()
def parked() -> None:
    """Events that could not be applied: list, show, retry or drop them."""


@parked.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_parked(open_runtime: OpenRuntime, as_json: bool) -> None:
    """All parked events of all services, oldest first."""
    rows: list[dict[str, Any]] = []
    for name in system.names:
        with open_runtime(name) as runtime, runtime.database.reading() as reading:
            after = 0
            while page := parking.waiting(reading, after=after):
                rows += [_row(name, event) for event in page]
                after = page[-1].id
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table("service", "number", "type", "reason", "attempts", "since")
    for row in rows:
        table.add_row(
            *[str(row[k]) for k in ("service", "number", "type", "reason")],
            str(row["attempts"]),
            row["parked_at"],
        )
    Console().print(table if rows else "Nothing is parked.")


def _row(service: str, event: parking.Parked) -> dict[str, Any]:
    return {
        "service": service,
        "number": event.id,
        "type": event.type,
        "reason": event.reason,
        "attempts": event.attempts,
        "parked_at": event.parked_at.isoformat(),
    }


@parked.command()
@_service
@_number
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(open_runtime: OpenRuntime, service: str, number: int, as_json: bool) -> None:
    """One parked event, with its bytes and the error."""
    with open_runtime(service) as runtime:
        event = _find(runtime, number)
    row = _row(service, event) | {
        "detail": event.detail,
        "payload": event.payload.decode("utf-8", "backslashreplace"),
    }
    if as_json:
        click.echo(json.dumps(row, indent=2))
        return
    for key, value in row.items():
        click.echo(f"{key}: {value}")


@parked.command()
@_service
@_number
@click.pass_obj
def retry(open_runtime: OpenRuntime, service: str, number: int) -> None:
    """Apply a parked event after all (its cause having been mended)."""
    with open_runtime(service) as runtime:
        _find(runtime, number)
        try:
            runtime.consumer.retry(number, getpass.getuser())
        except NotUnderstood as still:
            raise click.ClickException(f"still not understood: {still}") from still
        except Exception as still:  # whatever the handler says, it stays parked
            raise click.ClickException(f"still fails: {type(still).__name__}: {still}") from still
    click.echo(f"Event {number} of {service} is applied.")


@parked.command()
@_service
@_number
@click.option("--reason", required=True, help="why it may be forgotten; it is recorded")
@click.pass_obj
def drop(open_runtime: OpenRuntime, service: str, number: int, reason: str) -> None:
    """Never apply a parked event; its bytes and the reason are kept."""
    if not reason.strip():
        raise click.ClickException("say why in --reason")
    with open_runtime(service) as runtime:
        _find(runtime, number)
        runtime.database.run(
            parking.decide, number, parking.DROPPED, getpass.getuser(), reason.strip()
        )
    click.echo(f"Event {number} of {service} is dropped.")


def _find(runtime: Any, number: int) -> parking.Parked:
    try:
        found: parking.Parked = runtime.database.read(parking.find, number)
    except parking.NotParked as unknown:
        raise click.ClickException(str(unknown)) from unknown
    return found

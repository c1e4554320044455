"""`popug parked`: events that could not be applied, and what a person decides of them."""

import getpass
import json
import sys
import time
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from chassis import deciding, decisions, parking
from chassis.deciding import Who
from chassis.decisions import DROP, RETRY, Decision
from chassis.parked_api import DecisionOut, ParkedOut
from chassis.runtime import OpenRuntime, Runtime
from popug.system import system

# Another process may be carrying out the same decision; it is looked at again this often.
LOOK_SECONDS = 0.2

_service = click.argument("service", type=click.Choice(system.names))
_number = click.argument("number", required=False, type=click.IntRange(1, 2**63 - 1))
_json = click.option("--json", "as_json", is_flag=True)
_group = click.option("--group", help="all of the group with this key; see: list --groups")
_all = click.option("--all", "everything", is_flag=True, help="all that waits in the service")


@click.group()
def parked() -> None:
    """Events that could not be applied: list, show, retry or drop them."""


@parked.command("list")
@click.option("--groups", "by_group", is_flag=True, help="like reasons as one line, with the key")
@_json
@click.pass_obj
def list_parked(open_runtime: OpenRuntime, by_group: bool, as_json: bool) -> None:
    """All parked events of all services, oldest first."""
    rows: list[dict[str, Any]] = []
    for name in system.names:
        with open_runtime(name) as runtime:
            rows += _groups(runtime) if by_group else _events(runtime)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    wanted = ("count", "group", "first_at") if by_group else ("number", "attempts", "parked_at")
    titles = ("service", "type", "reason", *wanted)
    table = Table(*(title.replace("_at", "") for title in titles))
    for row in rows:
        table.add_row(*(str(row[title]) for title in titles))
    Console().print(table if rows else "Nothing is parked.")


def _events(runtime: Runtime) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    with runtime.database.reading() as reading:
        while page := parking.waiting(reading, after=after):
            found += [_row(runtime.service.name, event) for event in page]
            after = page[-1].id
    return found


def _groups(runtime: Runtime) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    with runtime.database.reading() as reading:
        while page := parking.groups(reading, after=after):
            found += [
                {
                    "service": runtime.service.name,
                    "group": group.key,
                    "type": group.type,
                    "reason": group.reason,
                    "count": group.count,
                    "first_at": group.first_at.isoformat(),
                    "last_at": group.last_at.isoformat(),
                }
                for group in page
            ]
            after = page[-1].first_id
    return found


def _row(service: str, event: parking.Parked) -> dict[str, Any]:
    shown = ParkedOut.of(event).model_dump(
        mode="json", exclude={"detail", "payload", "status", "decision_id"}
    )
    return {"service": service, **shown, "parked_at": event.parked_at.isoformat()}


@parked.command()
@_service
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@_json
@click.pass_obj
def show(open_runtime: OpenRuntime, service: str, number: int, as_json: bool) -> None:
    """One parked event, with its bytes and the error."""
    with open_runtime(service) as runtime:
        try:
            event = runtime.database.read(parking.find, number)
        except parking.NotParked as unknown:
            raise click.ClickException(str(unknown)) from unknown
    row = {"service": service, **ParkedOut.of(event).model_dump(mode="json")}
    if as_json:
        click.echo(json.dumps(row, indent=2))
        return
    for key, value in row.items():
        click.echo(f"{key}: {value}")


@parked.command()
@_service
@_number
@_group
@_all
@_json
@click.pass_obj
def retry(
    open_runtime: OpenRuntime,
    *,
    service: str,
    number: int | None,
    group: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Apply parked events after all (their cause having been mended).

    Exit code 0 only if all of them could be applied.
    """
    _check_choice(number, group, everything)
    with open_runtime(service) as runtime:
        if number:
            decision = _decide(runtime, deciding.retry_one, runtime.consumer, number, _who())
        else:
            decision = _carry_out(runtime, RETRY, group, "", quiet=as_json)
    _tell(service, decision, as_json)
    if decision.failed:
        sys.exit(1)


@parked.command()
@_service
@_number
@_group
@_all
@click.option("--reason", required=True, help="why it may be forgotten; it is recorded")
@_json
@click.pass_obj
def drop(
    open_runtime: OpenRuntime,
    *,
    service: str,
    number: int | None,
    group: str | None,
    everything: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Never apply parked events; their bytes and the reason are kept."""
    _check_choice(number, group, everything)
    try:
        why = deciding.clean_reason(reason)
    except decisions.BadReason as bad:
        raise click.ClickException(f"{bad} (--reason)") from bad
    with open_runtime(service) as runtime:
        if number:
            decision = _decide(runtime, deciding.drop_one, number, _who(), why)
        else:
            decision = _carry_out(runtime, DROP, group, why, quiet=as_json)
    _tell(service, decision, as_json)


def _check_choice(number: int | None, group: str | None, everything: bool) -> None:
    if [number is not None, group is not None, everything].count(True) != 1:
        raise click.UsageError("give the number of one event, or --group KEY, or --all")


def _who() -> Who:
    """Who sits at this machine, told from those who decide on the pages."""
    user = getpass.getuser()
    return Who(f"command line: {user}", f"{user} (popug parked)")


def _decide(runtime: Runtime, change: Any, *arguments: Any) -> Any:
    try:
        return runtime.database.run(change, *arguments)
    except (
        parking.NotParked,
        decisions.NoSuchGroup,
        decisions.BeingDecided,
        decisions.AppliedMeanwhile,
    ) as refused:
        raise click.ClickException(str(refused)) from refused


def _carry_out(
    runtime: Runtime, action: str, group: str | None, why: str, *, quiet: bool
) -> Decision:
    """Decide, and work until it is done; a worker that is running helps, or is helped."""
    decision_id = _decide(runtime, deciding.begin, action, group, _who(), why)
    with Progress(disable=quiet, console=Console(stderr=True)) as progress:
        bar = progress.add_task(runtime.service.name)
        while True:
            worked = deciding.work_on(runtime, decision_id)
            decision = runtime.database.read(decisions.find, decision_id)
            progress.update(bar, total=decision.total, completed=decision.total - decision.left)
            if decision.status == decisions.DONE:
                return decision
            if not worked:
                time.sleep(LOOK_SECONDS)


def _tell(service: str, decision: Decision, as_json: bool) -> None:
    if as_json:
        told = DecisionOut.of(decision).model_dump(mode="json")
        click.echo(json.dumps({"service": service, **told}, indent=2))
        return
    done = "applied" if decision.action == RETRY else "dropped"
    click.echo(f"{service}: {decision.settled} of {decision.total} {done}")
    if decision.failed:
        still = f"{decision.failed} still cannot be applied and stay parked"
        click.echo(f"{service}: {still}{f': {decision.outcome}' if decision.outcome else ''}")

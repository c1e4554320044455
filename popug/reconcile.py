"""`popug reconcile`: everything that must always be true, checked across all services.

A system at work has events on their way, so a difference is reported only when it is
still there after the outboxes have had time to drain.
"""

import json
import sys
import time
from collections.abc import Callable

import click
from rich.console import Console
from rich.table import Table

from chassis.checks import Finding
from chassis.runtime import OpenRuntime
from popug.invariants import Views, all_invariants
from popug.opening import open_all

PAUSE_SECONDS = 0.5


@click.command()
@click.option(
    "--wait",
    default=15.0,
    show_default=True,
    help="seconds that events on their way may take before a difference counts",
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def reconcile(open_runtime: OpenRuntime, wait: float, as_json: bool) -> None:
    """Check every invariant; exit code 0 only if all hold."""
    with open_all(open_runtime) as runtimes:
        findings = until_settled(lambda: all_invariants(Views(runtimes)), wait)
    if as_json:
        click.echo(json.dumps([vars(f) for f in findings], indent=2))
    else:
        _print(findings)
    if not all(f.ok for f in findings):
        sys.exit(1)


def until_settled(look: Callable[[], list[Finding]], seconds: float) -> list[Finding]:
    """The findings once all are well, or those after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        findings = look()
        if all(f.ok for f in findings) or time.monotonic() >= deadline:
            return findings
        time.sleep(PAUSE_SECONDS)


def _print(findings: list[Finding]) -> None:
    table = Table("", "invariant", "detail")
    for finding in findings:
        table.add_row("ok" if finding.ok else "[red]BROKEN[/]", finding.name, finding.detail)
    Console().print(table)

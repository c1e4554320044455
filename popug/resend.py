"""`popug resend`: events that were sent, once more; for a broker or a database that forgot."""

from datetime import UTC, datetime

import click

from chassis import outbox
from chassis.runtime import OpenRuntime, Runtime
from popug.system import system

AT_ONCE = 1_000


def _moment(_context: click.Context, _option: click.Parameter, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no moment; write it like 2026-01-31T22:00 (UTC) or with its zone"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command()
@click.option("--since", required=True, callback=_moment, help="like 2026-01-31T22:00, in UTC")
@click.argument("service", required=False, type=click.Choice(system.names))
@click.pass_obj
def resend(open_runtime: OpenRuntime, since: datetime, service: str | None) -> None:
    """Send what was sent since a moment once more, of all services or one.

    For a broker that has lost its queues, and after a restored backup. Nothing counts
    twice: whoever has applied an event passes over it.
    """
    for name in [service] if service else system.names:
        with open_runtime(name) as runtime:
            click.echo(f"{name}: {_send_again(runtime, since)} events wait to be sent again")


def _send_again(runtime: Runtime, since: datetime) -> int:
    total = 0
    while changed := runtime.database.run(outbox.send_again, since, AT_ONCE):
        total += changed
    return total

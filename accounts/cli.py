"""`popug close-day` closes a business day; `popug cron` all that are over, every night."""

import json
import signal
from datetime import date, datetime, timedelta
from pathlib import Path

import click

from accounts import calendar_rules, closing
from accounts.calendar_rules import BusinessDay
from accounts.nightly import Nightly
from chassis.database import DatabaseAway
from chassis.days import NotADay, read_day
from chassis.runtime import OpenRuntime


def _day(_context: click.Context, _parameter: click.Parameter, text: str | None) -> date | None:
    try:
        return None if text is None else read_day(text)
    except NotADay as refused:
        raise click.BadParameter("write the day like 2026-03-10") from refused


@click.command("close-day")
@click.option("--date", "day", callback=_day, help="The day, like 2026-03-10; default yesterday.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.pass_obj
def close_day(open_runtime: OpenRuntime, day: date | None, as_json: bool) -> None:
    """Close a business day and every earlier open one, and order the payouts.

    Closing a closed day again changes nothing and succeeds.
    """
    with open_runtime("accounts") as runtime:
        try:
            if day is None:
                with runtime.database.reading() as reading:
                    day = reading.today - timedelta(days=1)
            closed = closing.close_day(runtime.database, day, calendar_rules.THE_COMMAND_LINE)
        except calendar_rules.DayInTheFuture as refused:
            raise click.ClickException(f"{refused.day} has not begun yet") from refused
        except DatabaseAway as away:
            raise click.ClickException(f"the database does not answer: {away}") from away
        click.echo(_answer(closed, runtime.settings.currency, as_json))


def _answer(day: BusinessDay, currency: str, as_json: bool) -> str:
    if as_json:
        return json.dumps(
            {
                "date": day.date.isoformat(),
                "status": day.status,
                "payouts": day.payouts,
                "amount": day.amount,
            }
        )
    return f"{day.date}: {day.status}, {day.payouts} payouts, {day.amount / 100:.2f} {currency}"


@click.command()
@click.option(
    "--minutes",
    default=5,
    show_default=True,
    type=click.IntRange(0, 720),
    help="How long after the company's midnight.",
)
@click.option(
    "--alive",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file to touch at least every minute while all is well.",
)
@click.pass_obj
def cron(open_runtime: OpenRuntime, minutes: int, alive: Path | None) -> None:
    """Close every day that is over, now and shortly after each midnight, until SIGTERM.

    It closes what `popug close-day` would, missed nights too.
    """
    with open_runtime("accounts") as runtime:

        def say(moment: datetime) -> None:
            local = moment.astimezone(runtime.settings.zone)
            click.echo(f"The next nightly run is at {local.isoformat()}")

        nightly = Nightly(runtime, timedelta(minutes=minutes), alive, waiting=say)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: nightly.stopped.set())
        nightly.run()

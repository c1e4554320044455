"""`popug rebuild analytics`."""

import json

import click

from analytics.rebuild import rebuild
from chassis.database import DatabaseAway
from chassis.events import NotUnderstood
from chassis.runtime import OpenRuntime


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.pass_obj
def analytics(open_runtime: OpenRuntime, as_json: bool) -> None:
    """Build analytics' figures again from every event that it ever heard.

    The pages show the old figures until the new ones are whole.
    """
    with open_runtime("analytics") as runtime:
        try:
            days = runtime.database.run(rebuild)
        except NotUnderstood as broken:
            raise click.ClickException(f"a kept event cannot be read: {broken}") from broken
        except DatabaseAway as away:
            raise click.ClickException(f"the database does not answer: {away}") from away
    click.echo(json.dumps({"days": days}) if as_json else f"Rebuilt: {days} days with work.")

"""`popug bank-faults`: how the sandbox bank misbehaves, wherever it is."""

from typing import Any

import click

from billing.gateway import AnswerLost
from billing.gateways.bank import BankGateway
from billing.gateways.calls import NeverReached
from chassis.runtime import OpenRuntime

PATH = "/admin/faults"


def _faults(_context: click.Context, _argument: click.Parameter, given: Any) -> dict[str, int]:
    found = {}
    for each in given:
        name, equals, number = each.partition("=")
        if not equals or not number.isascii() or not number.isdigit():
            raise click.BadParameter(f"{each!r}: write it like refuse=20")
        found[name] = int(number)
    return found


@click.command("bank-faults")
@click.argument("faults", nargs=-1, callback=_faults, metavar="[NAME=PER_THOUSAND ...]")
@click.option("--none", "no_faults", is_flag=True, help="have it behave")
@click.pass_obj
def bank_faults(open_runtime: OpenRuntime, faults: dict[str, int], no_faults: bool) -> None:
    """Show how the sandbox bank misbehaves, or set it: in so many calls of a thousand.

    What is not named is switched off. delay_ms and later_ms are milliseconds, not shares.
    """
    if faults and no_faults:
        raise click.UsageError("either faults or --none")
    with open_runtime("billing") as billing:
        bank = BankGateway(billing)
        now = _ask(bank, "PUT", faults) if faults or no_faults else _ask(bank, "GET")
    for name, number in sorted(now.items()):
        click.echo(f"{name}={number}")
    if not now:
        click.echo("The bank behaves.")


def _ask(bank: BankGateway, method: str, values: dict[str, int] | None = None) -> dict[str, int]:
    try:
        answer = bank.call(method, PATH, json=values)
        said: Any = answer.json()
    except (NeverReached, AnswerLost, ValueError):
        raise click.ClickException("the bank does not answer; see POPUG_BANK_URL") from None
    if answer.status_code == 400:
        known = ", ".join(said["known"])
        raise click.ClickException(
            f"a fault is one of {known}; 0 to 1000 of a thousand calls, or milliseconds"
        )
    if answer.status_code != 200:
        raise click.ClickException(
            f"the bank answered {answer.status_code}: is POPUG_BANK_KEY that of the bank?"
        )
    found: dict[str, int] = said
    return found

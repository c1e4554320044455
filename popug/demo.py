"""A demo company, made once by running the real services on a moving clock.

Two weeks of tasks, closes, a shuffle a week, closed days, payouts and mails; nothing is
written to a table directly. It is made aside and moved in place when it is whole, so that
a first start that was killed leaves no half company.
"""

import json
import secrets
import shutil
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from billing.gateways.bank import GUEST
from chassis import logs
from chassis.clock import MovingClock, SystemClock
from chassis.keys import write_secret
from chassis.settings import Settings
from chassis.system import Embedded
from popug.demo_company import Company, Person
from popug.system import silent_bank, system

UNFINISHED = "demo-unfinished"
WHOLE = "whole"
LOGINS = "demo-logins.json"
DAYS = 14


def make_once(settings: Settings) -> None:
    """Make the demo company if the data folder holds no company yet.

    Raises click.ClickException outside the embedded form: production has no demo.
    """
    if not settings.embedded:
        raise click.ClickException("--demo is for the embedded form only, without servers")
    aside = settings.data / UNFINISHED
    if not (aside / WHOLE).exists():
        shutil.rmtree(aside, ignore_errors=True)
        if any(settings.data.glob("*.db")):
            return
        _make(settings.model_copy(update={"data": aside}))
        (aside / WHOLE).touch()
    _move_in(aside, settings.data)


def logins_text(settings: Settings) -> str:
    """The demo's logins as lines to print, or nothing if there is no demo."""
    path = settings.data / LOGINS
    if not path.exists():
        return ""
    lines = ["Demo logins (role, e-mail, password); see them again: popug demo-logins"]
    lines += [
        f"  {login['role']:<11} {login['email']:<32} {login['password']}"
        for login in json.loads(path.read_text())
    ]
    return "\n".join(lines)


def _make(settings: Settings) -> None:
    logs.configure("WARNING", settings.log_format)  # two weeks are of no interest line by line
    now = SystemClock().now()
    zone = settings.zone
    today = now.astimezone(zone).date()
    first = today - timedelta(days=DAYS - 1)
    clock = MovingClock(datetime.combine(first, time(8), zone))
    # Of what is long past nobody needs to be told at the first start.
    embedded = Embedded(replace(system, guests={GUEST: silent_bank}), settings, clock)
    company = Company(embedded, clock, until=now)
    logins = company.hire([(person, secrets.token_urlsafe(9)) for person in _staff()])
    company.hand_out_cards()
    days = [first + timedelta(days=number) for number in range(DAYS)]
    console = Console(stderr=True)
    for day in track(days, "Making two weeks of a demo company", console=console, transient=True):
        company.live_through(day)
    clock.put(now)
    embedded.settle()
    embedded.close()
    logs.configure(settings.log_level, settings.log_format)
    write_secret(settings.data / LOGINS, json.dumps(logins, indent=2).encode())


def _move_in(aside: Path, data: Path) -> None:
    """Move the whole company in place; after a crash it goes on with what is left.

    Nothing is replaced: what stands in its way was made by somebody meanwhile. Raises
    click.ClickException then.
    """
    left = sorted(path for path in aside.iterdir() if path.name != WHOLE)
    in_the_way = [path.name for path in left if (data / path.name).exists()]
    if in_the_way:
        raise click.ClickException(
            f"the demo company cannot be moved in: {data} holds {', '.join(in_the_way)} already; "
            f"delete {aside} to keep what is there, or start over with --reset"
        )
    for path in left:
        path.rename(data / path.name)
    shutil.rmtree(aside)


def _staff() -> list[Person]:
    named = [
        Person("admin", "Ada Quill", "admin"),
        Person("manager", "Max Beak", "manager"),
        Person("accountant", "Kira Ledger", "accountant"),
        Person("worker", "Gosha Green", "worker"),
    ]
    return named + [Person(name.lower().replace(" ", "."), name, "worker") for name in _NAMES]


_NAMES = (
    "Kesha Blue", "Arkady Plume", "Zina Feather", "Lola Crest", "Pirate Joe", "Mango Perch",
    "Rio Wing", "Chika Nut", "Busya Seed", "Tikhon Cage", "Vera Swing", "Polly Bright",
    "Iago Scarlet", "Senya Fluff", "Kiwi Stripe", "Marta Macaw", "Oleg Cockatoo", "Nika Lory",
    "Fedya Budgie", "Rosa Amazon", "Gleb Jaco", "Dasha Cockatiel", "Petya Whistle", "Yasha Echo",
    "Sunny Conure", "Timur Talon", "Alla Down", "Bella Branch", "Roma Root",
)  # fmt: skip

"""`popug make-keys` and `popug rotate-key`."""

from pathlib import Path

import click

from billing import card_keys, key_rings
from billing.domain_cards import CardKeyInUse
from chassis import rotation
from chassis.keys import make_keys
from chassis.rotation import RotationRefused
from chassis.runtime import OpenRuntime
from popug.system import system

_folder = click.argument(
    "folder", type=click.Path(file_okay=False, exists=True, writable=True, path_type=Path)
)
_key = click.argument("key", type=click.Choice((*system.names, *key_rings.NAMES)))


@click.command("make-keys")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def make_production_keys(folder: Path) -> None:
    """Make the keys that a production system is given, in FOLDER; none is replaced.

    Each service needs its own private key and all public ones; billing the keys of the
    cards too (cards.json, card-hashes.json).
    """
    make_keys(folder, system.names)
    key_rings.make_missing(folder)
    click.echo(f"The keys are in {folder}. Keep a copy where nobody else can read it.")


@click.group("rotate-key")
def rotate_key() -> None:
    """Take another key in three steps: begin, finish, retire.

    KEY is a service (its signing key), `cards` (what card numbers are sealed with) or
    `card-hashes` (what like cards are noticed by).
    """


@rotate_key.command()
@_folder
@_key
def begin(folder: Path, key: str) -> None:
    """Make the next key in FOLDER."""
    then = f"then: popug rotate-key finish {folder} {key}"
    if key in key_rings.NAMES:
        made = key_rings.begin(folder, key)
        click.echo(
            f"{made} is the next key. Bring {key}.json to all of billing's processes, {then}"
        )
        return
    kid = rotation.begin(folder, key)
    click.echo(
        f"{kid}.pub.pem is the next public key. "
        f"Give it to all services and restart them all, {then}"
    )


@rotate_key.command()
@_folder
@_key
def finish(folder: Path, key: str) -> None:
    """Have the next key used for all that is new."""
    then = f"popug rotate-key retire {folder} {key}"
    if key in key_rings.NAMES:
        made = key_rings.finish(folder, key)
        click.echo(
            f"Cards are sealed with {made} as soon as {key}.json is brought to all of billing's "
            f"processes; its worker seals the stored ones anew within a minute. Then: {then}"
        )
        return
    kid = rotation.finish(folder, key)
    click.echo(
        f"{key} signs with {kid} once it is restarted. When all that the old key signed has "
        f"run out (sessions last twelve hours): {then}"
    )


@rotate_key.command()
@_folder
@_key
@click.pass_obj
def retire(open_runtime: OpenRuntime, folder: Path, key: str) -> None:
    """Delete the older keys; those of cards only once no stored card needs them.

    A service's public keys are deleted at once: do so when the private one was stolen. For
    the keys of cards the database of billing is asked.
    """
    if key in key_rings.NAMES:
        old = _retire_card_keys(open_runtime, folder, key)
        done = "Bring the file to all of billing's processes."
    else:
        old = rotation.retire(folder, key)
        done = "They are believed until each service is restarted."
    click.echo(f"Deleted: {', '.join(old)}. {done}" if old else f"There is no older key of {key}.")


def _retire_card_keys(open_runtime: OpenRuntime, folder: Path, name: str) -> list[str]:
    """Retire each older key in the database first: a key that a card needs is never deleted."""
    ring = key_rings.load_ring(folder, name)
    if ring.next is not None:
        raise RotationRefused(f"a rotation of {name} is under way; finish it first")
    with open_runtime("billing") as billing:
        for key_id in ring.older:
            try:
                billing.database.run(card_keys.retire, key_id)
            except CardKeyInUse as needed:
                raise RotationRefused(
                    f"{needed.cards} stored cards still need the key {key_id}; billing's worker "
                    "seals them anew within a minute once it has the new file. If they stay, its "
                    "log names the cards that do not open."
                ) from needed
            key_rings.drop(folder, name, key_id)
    return ring.older

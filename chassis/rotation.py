"""Rotating a service's signing key without a moment at which its word is not believed.

Three steps, because every service must know a public key before anything is signed with
it, and must know the old one for as long as what it signed is about.
"""

from pathlib import Path

from chassis.keys import load_signing_key, new_pair, write_secret

NEXT = ".pem.next"


class RotationRefused(Exception):
    """This step cannot be taken now; the text says which one can."""


def begin(folder: Path, service: str) -> str:
    """Make the next key pair and give its key id; the service goes on with the key it has.

    The new public key must then reach every service. Raises KeyMissing, RotationRefused.
    """
    load_signing_key(folder, service)
    waiting = folder / f"{service}{NEXT}"
    if waiting.exists():
        raise RotationRefused(
            f"{waiting} is there: a rotation of {service}'s key has begun already; "
            "finish it, or delete that file to give it up"
        )
    key = new_pair(service)
    write_secret(folder / f"{key.kid}.pub.pem", key.key.as_pem(private=False))
    write_secret(waiting, key.key.as_pem(private=True))
    return key.kid


def finish(folder: Path, service: str) -> str:
    """Let the service sign with the next key from its next start on; gives the key id.

    Raises RotationRefused when none was begun.
    """
    waiting = folder / f"{service}{NEXT}"
    if not waiting.exists():
        raise RotationRefused(f"there is no {waiting}: begin the rotation of {service}'s key first")
    waiting.replace(folder / f"{service}.pem")
    return load_signing_key(folder, service).kid


def retire(folder: Path, service: str) -> list[str]:
    """Delete the service's older public keys, and give their ids: what they signed is void.

    Raises KeyMissing, RotationRefused while a rotation is under way.
    """
    if (folder / f"{service}{NEXT}").exists():
        raise RotationRefused(f"a rotation of {service}'s key is under way; finish it first")
    current = load_signing_key(folder, service).kid
    old = [path for path in sorted(folder.glob(f"{service}.*.pub.pem")) if not _is(path, current)]
    for path in old:
        path.unlink()
    return [path.name.removesuffix(".pub.pem") for path in old]


def _is(path: Path, kid: str) -> bool:
    return path.name == f"{kid}.pub.pem"

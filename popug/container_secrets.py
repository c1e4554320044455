"""The secrets of the containers: one folder for each that is given some, nothing more in it.

`popug make-secrets FOLDER` makes:

    secrets/              0700: nobody else on this machine gets past it
      keys/               all keys as they were made; what the folders below hold are copies
      auth/ ... analytics/  database_url, broker_url, keys/ (mailer: smtp_url too; billing:
                          bank_key and yookassa_secret)
      migrate/            the database_url of the databases' owner
      operator/           the same, broker_url, bank_key, and all keys: for an operator's commands
      bank/               bank_key, the same as billing's
      mysql/              a password for root, the owner and each service
      rabbitmq/           password, and the same as RabbitMQ's configuration
      grafana/            admin_password

A container runs as a user that is not the folder's owner, so the files inside are readable
to all; what protects them is the mode of the folder around them.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path

import click

from billing import key_rings
from chassis.keys import KeyMissing, make_keys, write_secret
from popug.system import system

# 192 bits; letters and digits only, for they travel in URLs and in SQL.
PASSWORD_BYTES = 24
OWNER = "owner"
READABLE, FOLDER = 0o444, 0o755


@click.command("make-secrets")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def make_container_secrets(folder: Path) -> None:
    """Make the passwords and keys of the containers in FOLDER; none is replaced."""
    made = make_secrets(folder, system.names)
    click.echo(f"{len(made)} new files in {folder}. Keep a copy where nobody else can read it.")


def make_secrets(folder: Path, services: Sequence[str]) -> list[Path]:
    """Make what is missing in `folder`, and give the files that are new.

    No password or key is ever replaced. Copies of keys follow `keys/`, so that a key which
    is changed there reaches the containers. Raises KeyMissing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    before = {path for path in folder.rglob("*") if path.is_file()}
    _keys(folder, services)
    _databases(folder, services)
    _broker(folder, services)
    _password(folder / "grafana/admin_password")
    _once(folder / "mailer/smtp_url", "")  # none: mails are kept and shown
    _once(folder / "billing/yookassa_secret", "")  # none: the sandbox bank pays
    bank_key = _password(folder / "bank/bank_key")
    for reader in ("billing", "operator"):
        _once(folder / reader / "bank_key", bank_key)
    for service in services:
        _copy_keys(folder, service, [service])
    _copy_keys(folder, "operator", services)
    return sorted({path for path in folder.rglob("*") if path.is_file()} - before)


def _keys(folder: Path, services: Sequence[str]) -> None:
    """Make the missing keys, but none beside a copy of the one that was lost."""
    for name in (*(f"{service}.pem" for service in services), *key_rings.FILES):
        copy = folder / "operator/keys" / name
        if copy.exists() and not (folder / "keys" / name).exists():
            raise KeyMissing(f"{folder / 'keys' / name} is missing; put it back from {copy}")
    make_keys(folder / "keys", list(services))
    key_rings.make_missing(folder / "keys")
    for path in (folder / "keys").iterdir():  # one that was put back from a copy
        path.chmod(0o600)


def _databases(folder: Path, services: Sequence[str]) -> None:
    _password(folder / "mysql/root")
    owner = _password(folder / f"mysql/{OWNER}")
    for reader in ("migrate", "operator"):
        _once(folder / reader / "database_url", _database_url(f"popug_{OWNER}", owner))
    for service in services:
        password = _password(folder / "mysql" / service)
        _once(folder / service / "database_url", _database_url("popug_{service}", password))


def _database_url(user: str, password: str) -> str:
    return f"mysql+pymysql://{user}:{password}@mysql/popug_{{service}}"


def _broker(folder: Path, services: Sequence[str]) -> None:
    password = _password(folder / "rabbitmq/password")
    lines = ["default_vhost = popug", "default_user = popug", f"default_pass = {password}"]
    _once(folder / "rabbitmq/credentials.conf", "\n".join(lines))
    for reader in (*services, "operator"):
        _once(folder / reader / "broker_url", f"amqp://popug:{password}@rabbitmq/popug")


def _copy_keys(folder: Path, reader: str, private: Sequence[str]) -> None:
    """The private keys of these services, all public ones, and billing's keys of the cards."""
    keys = folder / "keys"
    copies = folder / reader / "keys"
    given = [*keys.glob("*.pub.pem"), *(keys / f"{service}.pem" for service in private)]
    if "billing" in private:
        given += [keys / name for name in key_rings.FILES]
    _open_folder(copies)
    for path in given:
        copy = copies / path.name
        if not copy.exists() or copy.read_bytes() != path.read_bytes():
            write_secret(copy, path.read_bytes())
        copy.chmod(READABLE)
    for stale in {path.name for path in copies.iterdir()} - {path.name for path in given}:
        (copies / stale).unlink()


def _password(path: Path) -> str:
    """The password in this file, which is made if it is not there."""
    _once(path, secrets.token_hex(PASSWORD_BYTES))
    return path.read_text().strip()


def _once(path: Path, content: str) -> None:
    """Write a file that is not there yet; its mode is set again in any case."""
    _open_folder(path.parent)
    if not path.exists():
        write_secret(path, f"{content}\n".encode())
    path.chmod(READABLE)


def _open_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for each in (folder, folder.parent) if folder.name == "keys" else (folder,):
        each.chmod(FOLDER)

"""What an operator may get wrong is told in one sentence, with exit code 1 and no traceback."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from popug.cli import main

Damage = Callable[[Path], None]
ADD = ("users", "add", "a@popug.test", "--name", "A", "--role", "admin", "--password-stdin")


@pytest.fixture(autouse=True)
def _restored_umask() -> Iterator[None]:
    before = os.umask(0o022)
    os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which everything is as it should be."""
    data = tmp_path_factory.mktemp("whole") / "data"
    made = _popug(data, "parked", "list")
    assert made.exit_code == 0, made.output
    return data


def _popug(data: Path, *arguments: str, stdin: str | bytes = "", **settings: str) -> Result:
    mine = {name: None for name in os.environ if name.startswith("POPUG_")}
    environment = {**mine, "POPUG_DATA": str(data), **settings}
    return CliRunner().invoke(main, arguments, input=stdin, env=environment)


def _one_sentence(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    (sentence,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert "Traceback" not in result.output
    return sentence


COMMANDS = (
    ("status",),
    ("migrate",),
    ("run", "--port", "0"),
    ("parked", "list"),
    ("close-day",),
    ("reconcile", "--wait", "0"),
)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != ("status",)])
def test_a_data_folder_that_is_a_file(command: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    assert f"cannot use {file}" in _one_sentence(_popug(file, *command))
    assert f"cannot use {file}" in _one_sentence(_popug(file / "below", *command))
    assert file.read_text() == "no folder"


def _junk(name: str) -> Damage:
    def write(data: Path) -> None:
        (path,) = data.glob(name)
        path.write_bytes(b"junk" * 1_000)

    return write


def _sql(service: str, statement: str) -> Damage:
    def run(data: Path) -> None:
        database = sqlite3.connect(data / f"{service}.db")
        with database:
            database.execute(statement)
        database.close()

    return run


def _no_public_keys(data: Path) -> None:
    for path in data.glob("keys/*.pub.pem"):
        path.unlink()


DAMAGES: dict[str, tuple[Damage, str]] = {
    "private key": (_junk("keys/accounts.pem"), "holds no Ed25519 private key"),
    "public key": (_junk("keys/accounts.*.pub.pem"), "holds no Ed25519 public key"),
    "all public keys": (_no_public_keys, "no public key (*.pub.pem) in"),
    "database": (_junk("accounts.db"), "the database of accounts cannot be used (file is not"),
    "later version": (
        _sql("accounts", "UPDATE alembic_version SET version_num = '9999'"),
        "the database of accounts is of a later version than this program (revision 9999",
    ),
    "lost table": (_sql("accounts", "DROP TABLE outbox"), "no such table: outbox"),
}


REFUSED = [
    (damage, command)
    for damage in DAMAGES
    for command in (("migrate",), ("run", "--port", "0"), ("close-day",))
    # Migrating needs no keys; a lost table shows when it is used.
    if damage != "lost table" and not (damage.endswith(("key", "keys")) and command == ("migrate",))
]


@pytest.mark.parametrize(("damage", "command"), REFUSED)
def test_damaged_keys_and_databases(
    damage: str, command: tuple[str, ...], whole: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(whole, data)
    do, sentence = DAMAGES[damage]
    do(data)
    assert sentence in _one_sentence(_popug(data, *command))


@pytest.mark.parametrize("damage", DAMAGES)
def test_status_says_which_service_is_damaged(damage: str, whole: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(whole, data)
    do, sentence = DAMAGES[damage]
    do(data)
    result = _popug(data, "status", "--json")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert sentence in result.stdout


def test_a_password_that_is_no_text(whole: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(whole, data)
    refused = _popug(data, *ADD, stdin=b"\xff\xfe a long enough password\n")
    assert "not text in UTF-8" in _one_sentence(refused)


@pytest.mark.parametrize("port", ["-1", "65536", "99999999999999999999"])
def test_a_port_that_is_none(port: str, tmp_path: Path) -> None:
    refused = _popug(tmp_path, "run", "--port", port)
    assert refused.exit_code == 2
    assert "is not in the range 0<=x<=65535" in refused.output


def test_databases_are_for_the_owner_alone_whoever_made_the_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    made = _popug(data, "migrate")
    assert made.exit_code == 0, made.output
    files = [path for path in data.rglob("*") if path.is_file()]
    assert len([path for path in files if path.suffix == ".db"]) == 6
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_refused_setting_shows_no_other_ones_secret(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "POPUG_DATA": str(tmp_path),
        "POPUG_BROKER_URL": "amqp://popug:s3cret@server/popug",
        "POPUG_CURRENCY": "dollars",
    }
    # In a process of its own, where nothing has set up the logs before.
    refused = subprocess.run(
        [sys.executable, "-m", "popug", "status"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: POPUG_CURRENCY='dollars': ")
    assert "s3cret" not in refused.stderr + refused.stdout

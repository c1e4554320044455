"""What the operator's book names is there: headings, containers, files, commands, figures."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from bank.server import FILE_NAME
from chassis import engines, verdict
from chassis.engines import IDLE_SECONDS  # as it is: within a test it is longer
from popug.cli import main
from popug.container_secrets import make_secrets
from popug.system import system

ROOT = Path(__file__).parents[2]
BOOK = (ROOT / "docs/operations.md").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
# Options of `docker compose` that are followed by a value of theirs.
WITH_VALUE = ("--scale", "--entrypoint", "--user", "--profile", "-v")


def test_every_heading_that_the_status_page_names_is_there() -> None:
    named = (
        *(verdict.AWAY, verdict.DATABASE, verdict.WORKERS, verdict.BROKER, verdict.WAITING),
        *(verdict.UNAPPLIED, verdict.PARKED, verdict.UNROUTABLE),
        *(verdict.DIFFER, verdict.BUSINESS),
    )
    headings = {line[4:] for line in BOOK.splitlines() if line.startswith("### ")}
    assert set(named) - headings == set()


def _section(heading: str) -> str:
    return BOOK.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def _compose_commands() -> Iterator[tuple[str, list[str]]]:
    """Each `docker compose` command of the book's examples: its verb, and whom it names."""
    for block in re.findall(r"^ *```\n(.*?)^ *```", BOOK, re.DOTALL | re.MULTILINE):
        for written in re.findall(r"docker compose ([^\n\"'`<>#&;]*)", block.replace("\\\n", " ")):
            words = iter(written.split())
            plain, named = [], []
            for word in words:
                if word in WITH_VALUE:
                    value = next(words, "")
                    named += [value.partition("=")[0]] if word == "--scale" else []
                elif not word.startswith("-"):
                    plain.append(word)
            verb, *rest = plain
            yield verb, named + (rest[:1] if verb in ("exec", "run") else rest)


def test_every_container_that_a_command_names_is_one() -> None:
    commands = list(_compose_commands())
    verbs = {verb for verb, _ in commands}
    assert verbs <= {"up", "down", "run", "exec", "restart", "ps", "build", "logs"}, verbs
    assert {"up", "down", "run", "exec"} <= verbs, "the examples must be found"
    for verb, named in commands:
        assert set(named) <= set(COMPOSE["services"]), (verb, named)
    assert any("billing-worker" in named for _, named in commands)


def test_the_files_that_are_backed_up_and_restored_in_containers_are_there(tmp_path: Path) -> None:
    bank = COMPOSE["services"]["bank"]
    file = f"{bank['environment']['POPUG_DATA']}/{FILE_NAME}"
    assert f"bank:{bank['environment']['POPUG_DATA']}" in bank["volumes"]
    assert f'connect("{file}")' in BOOK
    assert f"cat > {file}" in BOOK
    assert "./secrets/mysql:/run/secrets:ro,z" in COMPOSE["services"]["mysql"]["volumes"]
    make_secrets(tmp_path / "secrets", system.names)
    assert (tmp_path / "secrets/mysql/root").exists()
    assert BOOK.count("$(</run/secrets/root)") == 2, "to dump and to restore"
    for volume in re.findall(r"docker volume rm popug_(\w+)", BOOK):
        assert volume in COMPOSE["volumes"]
    databases = re.findall(
        r"--databases ((?:popug_\w+\s+(?:\\\s+)?)+)", f"{BOOK} ".replace("'", " ")
    )
    assert len(databases) == 2
    for named in databases:
        assert set(re.findall(r"popug_\w+", named)) == {f"popug_{n}" for n in system.names}


def test_the_bank_is_copied_as_the_book_says_while_it_works(tmp_path: Path) -> None:
    found = re.search(r"exec -T bank python -c '(.*?)'\n", BOOK, re.DOTALL)
    assert found
    source, copy = tmp_path / "bank.db", tmp_path / "copy.db"
    program = found[1].replace("/var/lib/popug/bank.db", str(source))
    with closing(sqlite3.connect(source, isolation_level=None)) as bank:
        bank.execute("PRAGMA journal_mode=WAL")
        bank.execute("CREATE TABLE transfers (key TEXT)")
        for number in range(2):  # the second copy takes the place of the first
            bank.execute("INSERT INTO transfers VALUES (?)", [f"k{number}"])
            subprocess.run(
                [sys.executable, "-c", program.replace("/tmp/copy.db", str(copy))],
                check=True,
                timeout=60,
            )
    restored = tmp_path / "restored.db"
    restored.write_bytes(copy.read_bytes())  # as `cat` does
    with closing(sqlite3.connect(restored)) as database:
        assert database.execute("SELECT key FROM transfers").fetchall() == [("k0",), ("k1",)]


def test_the_timeouts_are_those_of_the_code() -> None:
    told = " ".join(_section("The databases").split())
    assert f"Timeouts: {engines.CONNECT_SECONDS} seconds to connect" in told
    assert f"{engines.ANSWER_SECONDS} for any answer to a service" in told
    assert f"and {IDLE_SECONDS} as its `wait_timeout`" in told
    assert f"{engines.LOCK_WAIT_SECONDS} seconds for `innodb_lock_wait_timeout`" in told


def test_a_virtual_host_that_is_made_anew_gets_its_rights_back() -> None:
    section = _section("Backup and restore")
    steps = re.findall(r"rabbitmqctl (\w+)", section)
    assert steps == ["delete_vhost", "add_vhost", "set_permissions"]


def test_the_readme_lists_every_command() -> None:
    for name in ("README.md", "README.ru.md"):
        told = (ROOT / name).read_text()
        missing = {command for command in main.commands if f"popug {command}" not in told}
        assert not missing, name

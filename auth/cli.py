"""`popug users ...`: people from the command line."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from auth import commands, models, passwords
from auth.domain import User, UserNotFound
from auth.email_address import clean_email
from auth.refusals import refusals
from auth.wire import whole
from chassis.database import DatabaseAway, Reading
from chassis.languages import LANGUAGES
from chassis.refusals import as_problem
from chassis.runtime import OpenRuntime
from contracts.roles import ROLES

_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def users() -> None:
    """Manage the people who may sign in."""


@users.command()
@click.argument("email")
@click.option("--name", required=True, help="What people call him.")
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--language", default="en", type=click.Choice(list(LANGUAGES)), show_default=True)
@_stdin
@_json
@click.pass_obj
def add(
    open_runtime: OpenRuntime,
    email: str,
    *,
    name: str,
    role: str,
    language: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Add a person."""
    with _plainly():
        password_hash = passwords.hash_password(_password(password_stdin))
        with open_runtime("auth") as runtime:
            user = runtime.database.run(
                commands.create_user,
                email=email,
                name=name,
                role=role,
                password_hash=password_hash,
                language=language,
            )
    _tell(user, f"Added {user.name} <{user.email}>, {user.role}.", as_json)


@users.command("password")
@click.argument("email")
@_stdin
@_json
@click.pass_obj
def set_password(
    open_runtime: OpenRuntime, email: str, password_stdin: bool, as_json: bool
) -> None:
    """Give a person another password; all his sessions end."""
    with _plainly():
        password_hash = passwords.hash_password(_password(password_stdin))
        with open_runtime("auth") as runtime:
            user = runtime.database.read(_by_email, email)
            runtime.database.run(commands.set_password, user.id, password_hash)
    _tell(user, f"{user.name} <{user.email}> has a new password.", as_json)


def _password(from_stdin: bool) -> str:
    """The password, never from the command line, where other users could read it."""
    if from_stdin:
        try:
            password = sys.stdin.readline().rstrip("\r\n")
            password.encode()  # a terminal without UTF-8 hands odd bytes through
        except UnicodeError as odd:
            raise click.ClickException("the password is not text in UTF-8") from odd
        return password
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _by_email(reading: Reading, email: str) -> User:
    found = models.credentials(reading, clean_email(email))
    if found is None:
        raise UserNotFound
    return found[0]


@contextmanager
def _plainly() -> Iterator[None]:
    """Errors of the business as one line and exit code 1."""
    try:
        yield
    except (*refusals, DatabaseAway) as error:
        problem = as_problem(error, refusals)
        raise click.ClickException(str(problem.detail if problem else error)) from error


def _tell(user: User, sentence: str, as_json: bool) -> None:
    click.echo(json.dumps(whole(user), ensure_ascii=False) if as_json else sentence)

"""`popug users` on the command line."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from click.testing import CliRunner, Result

from auth.cli import users
from auth.models import anybody
from chassis.runtime import Runtime
from tests.integration.auth.office import PASSWORD, Office


def _run(office: Office, *arguments: str, typed: str = f"{PASSWORD}\n") -> Result:
    @contextmanager
    def open_runtime(service: str) -> Iterator[Runtime]:
        assert service == "auth"
        yield office.runtime

    return CliRunner().invoke(users, arguments, input=typed, obj=open_runtime)


def _add(office: Office, *more: str, **typed: Any) -> Result:
    return _run(
        office,
        *("add", "Ann@popug.test", "--name", "Ann", "--role", "admin", "--password-stdin"),
        *more,
        **typed,
    )


def test_a_user_is_added_and_can_sign_in(office: Office) -> None:
    result = _add(office)
    assert result.exit_code == 0
    assert result.stdout == "Added Ann <ann@popug.test>, admin.\n"
    assert office.attempt("ann@popug.test").status_code == 200


def test_a_script_gets_json(office: Office) -> None:
    result = _add(office, "--json", "--language", "ru")
    told = json.loads(result.stdout)
    assert told.pop("id")
    assert told == {
        "email": "ann@popug.test",
        "name": "Ann",
        "role": "admin",
        "language": "ru",
        "active": True,
    }


def test_what_is_wrong_is_one_line_and_exit_code_1(office: Office) -> None:
    assert _add(office).exit_code == 0
    refused = [
        (_add(office), "Another user has this e-mail address."),
        (_add(office, typed="short\n"), "A password has 10 to 200 characters."),
        (_add(office, typed=""), "A password has 10 to 200 characters."),
        (_add(office, "--name", " "), "Write a name of 1 to 100 characters"),
        (
            _run(office, "add", "ann", "--name", "A", "--role", "worker", "--password-stdin"),
            "Write a whole e-mail address",
        ),
        (
            _run(office, "password", "bob@popug.test", "--password-stdin"),
            "There is no such user.",
        ),
    ]
    for result, sentence in refused:
        assert result.exit_code == 1
        assert sentence in result.stderr
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""
    assert _add(office, "--role", "boss").exit_code == 2


def test_a_password_is_changed_and_the_sessions_end(office: Office) -> None:
    office.add("Ann")
    client = office.signed_in("Ann")
    result = _run(
        office, "password", "ann@popug.test", "--password-stdin", typed="quite another one\n"
    )
    assert result.exit_code == 0
    assert client.get("/auth/api/v1/users/me").status_code == 401
    assert office.attempt("ann@popug.test", "quite another one").status_code == 200


def test_without_the_option_the_password_is_asked_for_twice(office: Office) -> None:
    arguments = ("add", "ann@popug.test", "--name", "Ann", "--role", "worker")
    result = _run(office, *arguments, typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0
    assert PASSWORD not in result.output
    assert office.attempt("ann@popug.test").status_code == 200


def test_it_is_known_whether_anybody_could_sign_in(office: Office) -> None:
    database = office.runtime.database
    assert not database.read(anybody)
    assert _add(office).exit_code == 0
    assert database.read(anybody)

"""Guessing passwords."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import auth
from auth import commands, passwords
from tests.integration.auth.office import PASSWORD, Office
from tests.support import Workbench


def test_after_ten_failures_even_the_right_password_must_wait(office: Office) -> None:
    office.add("Ann")
    for _ in range(10):
        assert office.attempt("ann@popug.test", "wrong password").status_code == 401
        office.bench.clock.advance(seconds=30)
    answer = office.attempt("ann@popug.test")
    assert answer.status_code == 429
    # The first failure was 300 s ago and counts for 900 s.
    assert answer.headers["Retry-After"] == "600"
    assert answer.json and "Wait" in answer.json["detail"]
    office.bench.clock.advance(seconds=599)
    assert office.attempt("ann@popug.test").headers["Retry-After"] == "1"
    office.bench.clock.advance(seconds=1)
    assert office.attempt("ann@popug.test").status_code == 200


def test_a_refused_try_does_not_make_the_wait_longer(office: Office) -> None:
    office.add("Ann")
    for _ in range(10):
        office.attempt("ann@popug.test", "wrong password")
    for _ in range(14):
        office.bench.clock.advance(minutes=1)
        assert office.attempt("ann@popug.test", "wrong password").status_code == 429
    office.bench.clock.advance(minutes=1)
    assert office.attempt("ann@popug.test").status_code == 200


def test_success_forgives(office: Office) -> None:
    office.add("Ann")
    for _ in range(3):
        for _ in range(9):
            assert office.attempt("ann@popug.test", "wrong password").status_code == 401
        assert office.attempt("ann@popug.test").status_code == 200


def test_a_guesser_elsewhere_does_not_lock_the_person_out(office: Office) -> None:
    office.add("Ann")
    for _ in range(11):
        office.attempt("ann@popug.test", "wrong password", address="10.9.9.9")
    assert office.attempt("ann@popug.test", address="10.9.9.9").status_code == 429
    assert office.attempt("ann@popug.test", address="10.0.0.1").status_code == 200


def test_unknown_addresses_and_other_spellings_count_too(office: Office) -> None:
    office.add("Ann")
    for email in ("ann@popug.test", " ANN@popug.test", "Ann@POPUG.test") * 3 + ("ann@popug.test",):
        assert office.attempt(email, "wrong password").status_code == 401
    assert office.attempt("ann@popug.test").status_code == 429
    for _ in range(10):
        assert office.attempt("ghost", "wrong password").status_code == 401
    assert office.attempt(" GHOST", "wrong password").status_code == 429


def test_an_address_has_a_hundred_failures_over_all_e_mails(office: Office) -> None:
    office.add("Ann")
    for number in range(100):
        answer = office.attempt(f"user{number}@popug.test", "wrong password")
        assert answer.status_code == 401
    assert office.attempt("ann@popug.test").status_code == 429
    assert office.attempt("ann@popug.test", address="10.0.0.2").status_code == 200


def test_a_restart_forgets_no_failure(office: Office) -> None:
    office.add("Ann")
    for _ in range(10):
        office.attempt("ann@popug.test", "wrong password")
    folder = office.bench.settings.data.parent
    again = Office(Workbench(folder, auth.service))
    try:
        assert again.attempt("ann@popug.test").status_code == 429
    finally:
        again.bench.close()


def test_forty_guesses_at_the_same_moment_learn_of_ten(office: Office) -> None:
    office.add("Ann")
    clients = [office.bench.client() for _ in range(40)]

    def guess(number: int) -> int:
        client = clients[number]
        return office.attempt("ann@popug.test", "wrong password", client=client).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(guess, range(40)))
    assert (answers.count(401), answers.count(429)) == (10, 30)


def test_sixteen_right_passwords_at_the_same_moment_all_sign_in(office: Office) -> None:
    office.add("Ann")
    clients = [office.bench.client() for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda c: office.attempt("ann@popug.test", client=c), clients))
    assert {a.status_code for a in answers} == {200}


def test_the_page_says_it_in_a_sentence(office: Office) -> None:
    data = {"email": "ann@popug.test", "password": "wrong password"}
    client = office.bench.client()
    for _ in range(10):
        assert client.post("/auth/login", data=data).status_code == 401
    page = client.post("/auth/login", data=data)
    assert page.status_code == 429
    assert page.headers["Retry-After"] == "900"
    assert "Too many wrong passwords." in page.text


def test_guessing_the_old_password_on_the_profile_counts_as_well(office: Office) -> None:
    office.add("Ann")
    client = office.signed_in("Ann")
    data = {"old": "wrong password", "new": "another good one"}
    for _ in range(10):
        assert client.post("/auth/me/password", data=data).status_code == 422
    data["old"] = PASSWORD
    assert client.post("/auth/me/password", data=data).status_code == 429


def test_what_was_typed_is_not_kept(office: Office) -> None:
    office.attempt("my secret password", "wrong password")
    content = b"".join(p.read_bytes() for p in office.bench.settings.data.glob("auth.db*"))
    assert b"login_attempts" in content
    assert b"my secret password" not in content
    assert b"10.0.0.1" not in content


def test_old_failures_are_forgotten_by_the_job(office: Office) -> None:
    office.add("Ann")
    office.attempt("ann@popug.test", "wrong password")
    office.signed_in("Ann")
    office.attempt("bob@popug.test", "wrong password")
    office.bench.clock.advance(minutes=14)
    office.runtime.jobs.run_all()
    assert _rows(office, "login_attempts") == 1
    office.bench.clock.advance(minutes=1)
    office.runtime.jobs.run_all()
    assert _rows(office, "login_attempts") == 0
    assert _rows(office, "sessions") == 1
    office.bench.clock.advance(days=31)
    office.runtime.jobs.run_all()
    assert _rows(office, "sessions") == 0


def _meanwhile(office: Office, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Any]) -> None:
    """Something happens after a right password was checked, before its session begins."""
    real = passwords.matches

    def slow(stored: str | None, password: str) -> bool:
        right = real(stored, password)
        if right:
            happens()
        return right

    monkeypatch.setattr(passwords, "matches", slow)


def test_who_is_disabled_between_check_and_session_does_not_get_in(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add("Root", "admin")
    ann = office.add("Ann")
    _meanwhile(office, monkeypatch, lambda: office.do(commands.change_user, ann.id, active=False))
    assert office.attempt("ann@popug.test").status_code == 401
    assert _rows(office, "sessions") == 0


def test_a_password_changed_between_check_and_session_is_no_longer_good(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = office.add("Ann")
    new = passwords.hash_password("quite another one")
    _meanwhile(office, monkeypatch, lambda: office.do(commands.set_password, ann.id, new))
    assert office.attempt("ann@popug.test").status_code == 401
    assert _rows(office, "sessions") == 0


def test_a_right_guess_beside_ten_wrong_ones_learns_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add("Ann")

    def others_guess() -> None:
        for _ in range(10):
            assert office.attempt("ann@popug.test", "wrong password").status_code == 401

    _meanwhile(office, monkeypatch, others_guess)
    assert office.attempt("ann@popug.test").status_code == 429
    assert _rows(office, "sessions") == 0


def _rows(office: Office, table: str) -> int:
    with office.runtime.database.reading() as reading:
        found = reading.connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}")
        return int(found.scalar_one())

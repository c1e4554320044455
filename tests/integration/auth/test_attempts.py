"""Guessing passwords."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import auth
from auth import attempts, commands, entrance, passwords
from tests import mariadb
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


@pytest.fixture(params=["sqlite", "mariadb"])
def crowded(
    request: pytest.FixtureRequest, workbench: Callable[..., Workbench]
) -> Iterator[Office]:
    """Auth on either engine, with Ann in it."""
    if request.param == "sqlite":
        office = Office(workbench(auth.service))
        office.add("Ann")
        yield office
        return
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.fresh_databases(["auth"]) as url:
        bench = workbench(auth.service, database_url=url)
        office = Office(bench)
        office.add("Ann")
        yield office
        bench.close()


def _compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were looked at from now on, each for as long as a real hash takes."""
    real, looked_at = passwords.matches, list[str]()

    def slow(stored: str | None, password: str) -> bool:
        looked_at.append(password)
        time.sleep(0.05)
        return real(stored, password)

    monkeypatch.setattr(passwords, "matches", slow)
    return looked_at


def _at_once(office: Office, tries: list[tuple[str, str]]) -> list[int]:
    """The statuses of sign-ins (address, password) of Ann that begin at the same moment."""
    clients = [office.bench.client() for _ in tries]
    together = threading.Barrier(len(tries))

    def sign_in(number: int) -> int:
        address, password = tries[number]
        together.wait()
        return office.attempt(
            "ann@popug.test", password, address=address, client=clients[number]
        ).status_code

    with ThreadPoolExecutor(len(tries)) as pool:
        return list(pool.map(sign_in, range(len(tries))))


def test_of_forty_guesses_at_the_same_moment_ten_are_looked_at(
    crowded: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = _compared(monkeypatch)
    answers = _at_once(crowded, [("10.0.0.1", f"wrong password {n}") for n in range(40)])
    assert (answers.count(401), answers.count(429)) == (10, 30)
    assert len(looked_at) == 10
    assert crowded.attempt("ann@popug.test").status_code == 429
    assert len(looked_at) == 10


def test_guesses_by_two_processes_at_once_are_counted_together(
    crowded: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = _compared(monkeypatch)
    settings = crowded.bench.settings
    other = Office(
        Workbench(settings.data.parent, auth.service, database_url=settings.database_url)
    )
    try:
        offices = [crowded, other] * 12
        clients = [office.bench.client() for office in offices]
        together = threading.Barrier(len(offices))

        def guess(number: int) -> int:
            together.wait()
            office = offices[number]
            return office.attempt("ann@popug.test", "wrong", client=clients[number]).status_code

        with ThreadPoolExecutor(len(offices)) as pool:
            answers = list(pool.map(guess, range(len(offices))))
    finally:
        other.bench.close()
    assert (answers.count(401), answers.count(429)) == (10, 14)
    assert len(looked_at) == 10


def test_an_address_is_counted_exactly_as_well(
    crowded: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOST_PER_ADDRESS", 15)
    looked_at = _compared(monkeypatch)
    clients = [crowded.bench.client() for _ in range(30)]

    def guess(number: int) -> int:
        email = f"ghost{number}@popug.test"
        return crowded.attempt(email, "wrong", client=clients[number]).status_code

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(guess, range(30)))
    assert (answers.count(401), answers.count(429)) == (15, 15)
    assert len(looked_at) == 15


def test_sixteen_right_passwords_at_the_same_moment_all_sign_in(
    crowded: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who are one too many wait until the others have got their try back."""
    _compared(monkeypatch)
    monkeypatch.setattr(entrance, "WAIT_SECONDS", 60)  # however busy the machine is
    assert set(_at_once(crowded, [("10.0.0.1", PASSWORD)] * 16)) == {200}
    assert _rows(crowded, "login_tries") == 0


def test_no_lock_is_held_while_a_password_is_looked_at(
    crowded: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one guess is being compared, another of the same pair is, and a person is added."""
    real = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda *_: not crowded.add("Bob"))
    assert crowded.attempt("ann@popug.test", "wrong password").status_code == 401
    inside: list[int] = []

    def within(stored: str | None, password: str) -> bool:
        monkeypatch.setattr(passwords, "matches", real)
        inside.append(crowded.attempt("ann@popug.test", "wrong password").status_code)
        return real(stored, password)

    monkeypatch.setattr(passwords, "matches", within)
    assert crowded.attempt("ann@popug.test", "wrong password").status_code == 401
    assert inside == [401]


def test_a_try_that_was_broken_off_counts_as_wrong_after_a_while(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, who = office.add("Ann"), attempts.Guesser.of("ann@popug.test", "10.0.0.1")
    assert ann
    monkeypatch.setattr(entrance, "WAIT_SECONDS", 0)
    for _ in range(10):
        office.do(attempts.begin_try, who)
    busy = office.attempt("ann@popug.test")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "1")
    office.bench.clock.advance(seconds=30)
    assert office.attempt("ann@popug.test").headers["Retry-After"] == "870"
    office.bench.clock.advance(seconds=870)
    assert office.attempt("ann@popug.test").status_code == 200


def test_who_signs_in_does_not_forgive_what_others_are_trying(office: Office) -> None:
    office.add("Ann")
    who = attempts.Guesser.of("ann@popug.test", "10.0.0.1")
    office.do(attempts.begin_try, who)
    office.attempt("ann@popug.test", "wrong password")
    assert _rows(office, "login_tries") == 2
    assert office.attempt("ann@popug.test").status_code == 200
    assert _rows(office, "login_tries") == 1


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
    assert b"login_tries" in content
    assert b"my secret password" not in content
    assert b"10.0.0.1" not in content


def test_old_failures_are_forgotten_by_the_job(office: Office) -> None:
    office.add("Ann")
    office.attempt("ann@popug.test", "wrong password")
    office.signed_in("Ann")
    office.attempt("bob@popug.test", "wrong password")
    office.bench.clock.advance(minutes=14)
    office.runtime.jobs.run_all()
    assert _rows(office, "login_tries") == 1
    office.bench.clock.advance(minutes=1)
    office.runtime.jobs.run_all()
    assert _rows(office, "login_tries") == 0
    assert _rows(office, "login_turns") == 0
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


def test_a_guess_beside_nine_others_is_the_last_that_is_looked_at(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right one holds its try while the others fail, and a tenth of them must wait."""
    office.add("Ann")
    monkeypatch.setattr(entrance, "WAIT_SECONDS", 0)

    def others_guess() -> None:
        for _ in range(9):
            assert office.attempt("ann@popug.test", "wrong password").status_code == 401
        assert office.attempt("ann@popug.test", "wrong password").status_code == 429

    _meanwhile(office, monkeypatch, others_guess)
    assert office.attempt("ann@popug.test").status_code == 200
    assert _rows(office, "login_tries") == 0


def _rows(office: Office, table: str) -> int:
    with office.runtime.database.reading() as reading:
        found = reading.connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}")
        return int(found.scalar_one())

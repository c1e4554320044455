"""Profile and people on the screen."""

import re

import pytest

from auth import commands, models
from tests.integration.auth.office import PASSWORD, Office


def test_the_profile_says_who_one_is(office: Office) -> None:
    office.add("Ann", "accountant")
    page = office.signed_in("Ann").get("/auth/me").text
    for text in ("Ann", "ann@popug.test", "accountant", "Firefox on Linux"):
        assert text in page


def test_another_language_applies_at_once_and_keeps_the_session(office: Office) -> None:
    office.add("Ann")
    client = office.signed_in("Ann")
    session = office.session_id(client)
    office.said()
    office.bench.clock.advance(hours=2)
    answer = client.post("/auth/me/language", data={"language": "ru"})
    assert (answer.status_code, answer.location) == (303, "/auth/me")
    assert "Max-Age=36000" in answer.headers["Set-Cookie"], "ends when it would have ended"
    assert '<html lang="ru">' in client.get("/auth/me").text
    assert office.session_id(client) == session
    assert office.said() == []


def test_a_language_that_nobody_speaks_is_refused(office: Office) -> None:
    office.add("Ann")
    client = office.signed_in("Ann")
    answer = client.post("/auth/me/language", data={"language": "tlh"})
    assert answer.status_code == 422
    assert '<html lang="en">' in client.get("/auth/me").text


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("not the old one", "quite another one", "This is not your old password."),
        (PASSWORD, "short", "A password has 10 to 200 characters."),
        (PASSWORD, "x" * 201, "A password has 10 to 200 characters."),
        ("", "quite another one", "Write your old password."),
    ],
)
def test_a_password_is_not_changed_for_a_reason_beside_the_field(
    office: Office, old: str, new: str, sentence: str
) -> None:
    office.add("Ann")
    client = office.signed_in("Ann")
    page = client.post("/auth/me/password", data={"old": old, "new": new})
    assert page.status_code == 422
    assert sentence in page.text
    assert office.attempt("ann@popug.test").status_code == 200


@pytest.mark.parametrize("role", ["worker", "accountant", "manager"])
def test_the_people_pages_are_for_admins(office: Office, role: str) -> None:
    ann = office.add("Ann")
    client = office.bench.client(role)
    for path in ("/auth/users", "/auth/users/new", f"/auth/users/{ann.id}"):
        assert client.get(path).status_code == 403
    for path in (
        "/auth/users/new",
        f"/auth/users/{ann.id}",
        f"/auth/users/{ann.id}/password",
        f"/auth/users/{ann.id}/sessions/end",
        f"/auth/users/{ann.id}/sessions/x/end",
    ):
        assert client.post(path, data={"role": "admin"}).status_code == 403


def test_people_are_found_and_paged(office: Office) -> None:
    for number in range(60):
        office.add(f"Popug {number:02}", email=f"p{number}@popug.test")
    admin = office.bench.client("admin")
    first = admin.get("/auth/users").text
    assert first.count("@popug.test") == 50
    link = re.search(r'rel="next" href="([^"]+)"', first)
    assert link
    second = admin.get("/auth/users" + link[1].replace("&amp;", "&")).text
    assert second.count("@popug.test") == 10
    assert "Popug 59" in second
    assert admin.get("/auth/users?q=pOPUG 07").text.count("@popug.test") == 1
    assert admin.get("/auth/users?q=p7@").text.count("@popug.test") == 1
    assert "Nobody is called so." in admin.get("/auth/users?q=nobody").text
    assert admin.get("/auth/users?after=nonsense").status_code == 422
    assert admin.get("/auth/users?q=" + "x" * 5_000).status_code == 200


def test_a_person_is_added_with_a_password_that_is_shown_once(office: Office) -> None:
    admin = office.bench.client("admin")
    data = {"email": "Ann@popug.test", "name": "Ann", "role": "worker", "language": "ru"}
    page = admin.post("/auth/users/new", data=data)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    shown = re.search(r'<code id="password">([^<]+)</code>', page.text)
    assert shown
    assert len(shown[1]) == 16
    assert office.attempt("ann@popug.test", shown[1]).status_code == 200
    assert shown[1] not in admin.get("/auth/users").text
    found = office.runtime.database.read(models.credentials, "ann@popug.test")
    assert found and found[0].language == "ru"


def test_a_person_is_added_with_a_given_password(office: Office) -> None:
    admin = office.bench.client("admin")
    data = {
        "email": "ann@popug.test",
        "name": "Ann",
        "role": "manager",
        "language": "en",
        "password": PASSWORD,
    }
    page = admin.post("/auth/users/new", data=data, follow_redirects=True)
    assert "Ann is added." in page.text
    assert PASSWORD not in page.text
    assert office.attempt("ann@popug.test").status_code == 200


def test_a_form_with_something_wrong_keeps_what_was_typed(office: Office) -> None:
    office.add("Ann")
    admin = office.bench.client("admin")
    data = {
        "email": "nonsense",
        "name": "  ",
        "role": "boss",
        "language": "en",
        "password": "short",
    }
    page = admin.post("/auth/users/new", data=data)
    assert page.status_code == 422
    for sentence in (
        "Write a whole e-mail address",
        "Write a name of 1 to 100 characters",
        "A password has 10 to 200 characters.",
    ):
        assert sentence in page.text
    assert 'value="nonsense"' in page.text
    assert 'value="short"' not in page.text
    data = {"email": "ann@popug.test", "name": "Ann Two", "role": "worker", "language": "en"}
    page = admin.post("/auth/users/new", data=data)
    assert page.status_code == 409
    assert "Another user has this e-mail address." in page.text
    assert 'value="Ann Two"' in page.text


def test_an_admin_changes_and_disables_a_person(office: Office) -> None:
    office.add("Root", "admin")
    ann = office.add("Ann")
    admin, client = office.signed_in("Root"), office.signed_in("Ann")
    page = admin.get(f"/auth/users/{ann.id}").text
    assert 'value="Ann"' in page
    assert re.search(r'<option selected value="worker">', page)
    assert re.search(r"<input[^>]+checked[^>]+name=\"active\"", page)
    change = {"name": "Anna", "role": "manager", "language": "ru"}
    answer = admin.post(f"/auth/users/{ann.id}", data=change, follow_redirects=True)
    assert "Saved." in answer.text
    assert "disabled" in answer.text
    assert client.get("/auth/api/v1/users/me").status_code == 401
    changed = office.runtime.database.read(models.user, ann.id)
    assert (changed.name, changed.role, changed.active) == ("Anna", "manager", False)


def test_the_last_admin_hears_why_he_stays(office: Office) -> None:
    root = office.add("Root", "admin")
    admin = office.signed_in("Root")
    data = {"name": "Root", "role": "worker", "language": "en", "active": "y"}
    page = admin.post(f"/auth/users/{root.id}", data=data)
    assert page.status_code == 409
    assert "This is the last active admin." in page.text
    assert admin.get("/auth/users").status_code == 200


def test_a_person_who_is_wrong_in_the_form_stays_as_he_was(office: Office) -> None:
    ann = office.add("Ann")
    admin = office.bench.client("admin")
    page = admin.post(f"/auth/users/{ann.id}", data={"name": "", "role": "x", "active": "y"})
    assert page.status_code == 422
    assert "Write a name" in page.text
    assert office.runtime.database.read(models.user, ann.id) == ann


def test_an_admin_sets_a_password_and_the_sessions_end(office: Office) -> None:
    office.add("Root", "admin")
    ann = office.add("Ann")
    admin, client = office.signed_in("Root"), office.signed_in("Ann")
    page = admin.post(f"/auth/users/{ann.id}/password", data={"password": ""})
    shown = re.search(r'<code id="password">([^<]+)</code>', page.text)
    assert shown
    assert client.get("/auth/api/v1/users/me").status_code == 401
    assert office.attempt("ann@popug.test").status_code == 401
    assert office.attempt("ann@popug.test", shown[1]).status_code == 200
    given = admin.post(f"/auth/users/{ann.id}/password", data={"password": PASSWORD})
    assert given.status_code == 303
    assert office.attempt("ann@popug.test").status_code == 200
    short = admin.post(f"/auth/users/{ann.id}/password", data={"password": "short"})
    assert short.status_code == 422


def test_a_name_is_shown_as_text(office: Office) -> None:
    ann = office.add("<script>alert(1)</script>", email="ann@popug.test")
    page = office.bench.client("admin").get(f"/auth/users/{ann.id}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_no_page_changes_anything_by_being_read(office: Office) -> None:
    office.add("Root", "admin")
    ann = office.add("Ann")
    admin = office.signed_in("Root")
    office.said()
    before = _content(office)
    for path in (
        "/auth/",
        "/auth/me",
        "/auth/login",
        "/auth/logout",
        "/auth/users",
        "/auth/users/new",
        f"/auth/users/{ann.id}",
        f"/auth/users/{ann.id}/password",
        f"/auth/users/{ann.id}/sessions/end",
        "/auth/me/sessions/end-others",
        "/auth/me/language",
        "/auth/api/v1/users",
        "/auth/api/v1/logout",
        "/auth/api/v1/login",
    ):
        assert admin.get(path).status_code in (200, 302, 404, 405)
    assert _content(office) == before


def _content(office: Office) -> list[list[tuple[object, ...]]]:
    with office.runtime.database.reading() as reading:
        return [
            [tuple(row) for row in reading.connection.exec_driver_sql(f"SELECT * FROM {table}")]
            for table in (
                "users",
                "sessions",
                "login_tries",
                "access",
                "ended_sessions",
                "outbox",
            )
        ]


def test_a_token_for_a_user_who_is_not_there_shows_no_error_of_ours(office: Office) -> None:
    """After a restored backup, say."""
    client = office.bench.client("worker")
    assert client.get("/auth/me").status_code == 404
    assert client.post("/auth/me/language", data={"language": "ru"}).status_code == 404
    assert client.post("/auth/me/sessions/end-others").status_code == 404
    assert office.do(commands.end_all_sessions, office.add("Ann").id) == 0

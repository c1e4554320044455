"""Signing in and out."""

from collections.abc import Callable
from typing import Literal
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from argon2 import PasswordHasher

import auth
from auth import models, passwords
from chassis.identity import Identity
from chassis.web import cookie_name
from tests.integration.auth.office import PASSWORD, Office
from tests.support import Workbench


def test_signing_in_answers_who_one_is_and_sets_the_cookie(office: Office) -> None:
    ann = office.add("Ann", "manager", language="ru")
    answer = office.attempt(" ANN@popug.test ")
    assert answer.status_code == 200
    assert answer.json == {
        "user": {
            "id": ann.id,
            "email": "ann@popug.test",
            "name": "Ann",
            "role": "manager",
            "language": "ru",
            "active": True,
        }
    }
    value, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert value.startswith("popug_session_8000=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"} <= set(attributes)
    assert not any(a.startswith(("Secure", "Domain")) for a in attributes)
    assert value.partition("=")[2] not in answer.text


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(
    workbench: Callable[..., Workbench],
) -> None:
    office = Office(workbench(auth.service, public_url="https://popug.example"))
    office.add("Ann")
    value, *attributes = office.attempt("ann@popug.test").headers["Set-Cookie"].split("; ")
    assert value.startswith("__Host-popug=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)
    assert not any(a.startswith("Domain") for a in attributes)


def test_two_systems_on_one_host_do_not_sign_each_other_out(
    workbench: Callable[..., Workbench],
) -> None:
    """Cookies ignore ports: one browser holds those of both, by different names."""
    offices = [
        Office(workbench(auth.service, public_url=f"http://localhost:{port}"))
        for port in (8000, 8001)
    ]
    for office in offices:
        office.add("Ann")
    tokens = {
        cookie_name(office.bench.settings): office.token(office.signed_in("Ann"))
        for office in offices
    }
    browsers = [office.bench.client() for office in offices]
    for browser in browsers:
        for name, token in tokens.items():
            browser.set_cookie(name, token)
        assert browser.get("/auth/me").status_code == 200
    left = browsers[0].post("/auth/logout")
    assert [c.split("=")[0] for c in left.headers.getlist("Set-Cookie")] == ["popug_session_8000"]
    assert browsers[0].get("/auth/me").status_code == 302
    assert browsers[1].get("/auth/me").status_code == 200


def test_a_port_is_named_over_https_as_well(workbench: Callable[..., Workbench]) -> None:
    office = Office(workbench(auth.service, public_url="https://popug.example:8443"))
    office.add("Ann")
    cookie = office.attempt("ann@popug.test").headers["Set-Cookie"]
    assert cookie.startswith("__Host-popug_8443=")


def test_the_token_tells_who_and_which_session_until_when(office: Office) -> None:
    ann = office.add("Ann", "accountant")
    client = office.signed_in("Ann")
    start = office.bench.clock.now()
    verify = office.runtime.verifier.verify
    session = office.session_id(client)
    assert verify(office.token(client), start) == Identity(
        ann.id, "accountant", "Ann", "en", session, 1
    )
    assert client.get("/auth/api/v1/users/me").status_code == 200
    office.bench.clock.advance(hours=12, minutes=1)
    assert client.get("/auth/api/v1/users/me").status_code == 401


def test_the_cookies_value_is_good_as_a_bearer_token(office: Office) -> None:
    ann = office.add("Ann")
    token = office.token(office.signed_in("Ann"))
    answer = office.bench.client().get(
        "/auth/api/v1/users/me", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.json and answer.json["id"] == ann.id


def test_an_unknown_e_mail_a_wrong_password_and_a_disabled_user_hear_the_same(
    office: Office,
) -> None:
    office.add("Root", "admin")
    office.add("Ann")
    bob = office.add("Bob")
    office.bench.client("admin").patch(f"/auth/api/v1/users/{bob.id}", json={"active": False})
    heard = [
        office.attempt("ann@popug.test", "not the password"),
        office.attempt("nobody@popug.test"),
        office.attempt("not an address"),
        office.attempt("bob@popug.test"),
    ]
    assert {a.status_code for a in heard} == {401}
    assert {a.json["detail"] for a in heard if a.json} == {"The e-mail or the password is wrong."}
    assert not any("Set-Cookie" in a.headers for a in heard)


def test_an_unknown_e_mail_takes_the_same_work(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add("Ann")
    checked: list[str] = []

    class Watched(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            checked.append(str(hash).rpartition("$")[0].rpartition("$")[0])
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_hasher", Watched(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobodys_hash.cache_clear()
    for email in ("ann@popug.test", "nobody@popug.test", "no address"):
        assert office.attempt(email, "wrong password").status_code == 401
    assert len(checked) == 3
    assert len(set(checked)) == 1, "all three with the same parameters"


def test_real_hashes_are_as_strong_as_the_library_advises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher())
    stored, nobodys = passwords.hash_password(PASSWORD), passwords._nobodys_hash()
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert nobodys.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.matches(stored, PASSWORD)
    assert not passwords.matches(stored, PASSWORD + " ")
    assert not passwords.matches(None, PASSWORD)


def test_a_hash_with_old_parameters_is_made_anew_at_sign_in(office: Office) -> None:
    weak = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    office.add("Ann", password_hash=weak)
    assert office.attempt("ann@popug.test").status_code == 200
    found = office.runtime.database.read(models.credentials, "ann@popug.test")
    assert found and "m=8,t=1,p=1" in found[1]
    assert office.attempt("ann@popug.test").status_code == 200


def test_a_password_typed_on_another_keyboard_is_the_same(office: Office) -> None:
    office.add("Ann", password_hash=passwords.hash_password("pe\u0301rroquet bleu"))
    assert office.attempt("ann@popug.test", "p\u00e9rroquet bleu").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"email": "a@b.test"}',
        '{"email": 1, "password": "x"}',
        '{"email": "", "password": "x"}',
        '{"email": "a@b.test", "password": ""}',
        '{"email": "a@b.test", "password": "\\ud800"}',
        '{"email": "a@b.test", "password": "x", "role": "admin"}',
        '{"email": "a@b.test", "password": "' + "x" * 10_000 + '"}',
        '{"email": ["a@b.test"], "password": {"$ne": 1}}',
    ],
)
def test_a_broken_body_is_refused_with_a_sentence(office: Office, body: str) -> None:
    answer = office.bench.client().post(
        "/auth/api/v1/login", data=body, content_type="application/json"
    )
    assert answer.status_code in (400, 422)
    assert answer.mimetype == "application/problem+json"
    assert answer.json and answer.json["detail"] and answer.json["trace_id"]


def test_another_site_cannot_sign_a_browser_in(office: Office) -> None:
    office.add("Ann")
    answer = office.bench.client().post(
        "/auth/login",
        data={"email": "ann@popug.test", "password": PASSWORD},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_the_page_signs_in_and_goes_on_to_where_one_wanted(office: Office) -> None:
    office.add("Ann")
    client = office.bench.client()
    page = client.get("/auth/login?next=/accounts/%3Fday%3D2026-03-09")
    assert 'name="next" value="/accounts/?day=2026-03-09"' in page.text
    answer = client.post(
        "/auth/login",
        data={
            "email": "ann@popug.test",
            "password": PASSWORD,
            "next": "/accounts/?day=2026-03-09",
        },
    )
    assert (answer.status_code, answer.location) == (303, "/accounts/?day=2026-03-09")
    assert client.get("/auth/login?next=/billing/").location == "/billing/"
    assert client.get("/auth/login").location == "/tasks/"


def test_a_wrong_password_on_the_page_keeps_the_e_mail_and_the_way(office: Office) -> None:
    page = office.bench.client().post(
        "/auth/login", data={"email": "ann@popug.test", "password": "wrong", "next": "/billing/"}
    )
    assert page.status_code == 401
    assert "The e-mail or the password is wrong." in page.text
    assert 'value="ann@popug.test"' in page.text
    assert 'name="next" value="/billing/"' in page.text
    assert "wrong" not in page.text.replace("is wrong.", "")


def test_empty_fields_on_the_page_are_named(office: Office) -> None:
    page = office.bench.client().post("/auth/login", data={})
    assert page.status_code == 422
    assert "Write your e-mail." in page.text
    assert "Write your password." in page.text


@pytest.mark.parametrize(
    "hostile",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https://evil.example/",
        "//evil.example/tasks/",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "/\t/evil.example",
        "/%09/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "%2F%2Fevil.example",
        "/%2Fevil.example",
        "/%5Cevil.example",
        "evil.example",
        "@evil.example",
        "/\r\nLocation: https://evil.example",
        "http:///evil.example",
        "/tasks/\x00",
    ],
)
def test_a_hostile_next_stays_on_the_site(office: Office, hostile: str) -> None:
    office.add("Ann")
    client = office.bench.client()
    data = {"email": "ann@popug.test", "password": PASSWORD, "next": hostile}
    there = [client.post("/auth/login", data=data).location]
    there.append(client.get("/auth/login", query_string={"next": hostile}).location or "/")
    for location in there:
        assert location and location.startswith("/")
        landed = urljoin("http://popug.test/auth/login", location)
        assert urlsplit(landed).netloc == "popug.test"
        assert not any(c in location for c in "\\\t\r\n\x00")
        assert not location.startswith("//")
        assert unquote(location).strip() != "javascript:alert(1)"


def test_signing_out_ends_the_session_for_the_token_too(office: Office) -> None:
    office.add("Ann")
    client = office.signed_in("Ann")
    token = office.token(client)
    answer = client.post("/auth/api/v1/logout")
    assert answer.status_code == 204
    assert answer.data == b""
    assert "popug_session_8000=;" in answer.headers["Set-Cookie"]
    for path in ("/auth/api/v1/users/me", "/auth/api/v1/users"):
        stolen = office.bench.client().get(path, headers={"Authorization": f"Bearer {token}"})
        assert stolen.status_code == 401
    assert client.post("/auth/api/v1/logout").status_code == 401


def test_the_sign_out_page_asks_first(office: Office) -> None:
    office.add("Ann")
    client = office.signed_in("Ann")
    for _ in range(2):
        assert client.get("/auth/logout").status_code == 200
        assert client.get("/auth/me").status_code == 200
    answer = client.post("/auth/logout")
    assert (answer.status_code, answer.location) == (303, "/auth/login")
    assert client.get("/auth/me").status_code == 302
    assert client.get("/auth/logout").location == "/auth/login"
    assert client.post("/auth/logout").location == "/auth/login"


def test_the_pages_are_in_the_language_of_the_person(office: Office) -> None:
    office.add("Ann", language="ru")
    assert '<html lang="ru">' in office.signed_in("Ann").get("/auth/me").text


def test_auths_front_page_leads_to_the_profile(office: Office) -> None:
    assert office.bench.client().get("/auth/").location == "/auth/me"


def test_a_page_for_people_leads_to_the_sign_in_and_back(office: Office) -> None:
    answer = office.bench.client().get("/auth/users?q=ann")
    assert answer.status_code == 302
    assert answer.location == "/auth/login?next=%2Fauth%2Fusers%3Fq%3Dann"

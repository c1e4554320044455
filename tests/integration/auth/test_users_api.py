"""People over REST."""

from typing import Any

import pytest

from contracts.auth import AccessChanged
from tests.integration.auth.office import PASSWORD, Office

NEW = {
    "email": "Kesha@popug.test",
    "name": " Kesha ",
    "role": "worker",
    "password": PASSWORD,
}


def test_an_admin_adds_a_user_who_can_sign_in(office: Office) -> None:
    answer = office.bench.client("admin").post("/auth/api/v1/users", json=NEW)
    assert answer.status_code == 201
    assert answer.json
    assert {k: v for k, v in answer.json.items() if k != "id"} == {
        "email": "kesha@popug.test",
        "name": "Kesha",
        "role": "worker",
        "language": "en",
        "active": True,
    }
    assert office.said() == [
        AccessChanged(user_id=answer.json["id"], role="worker", active=True, epoch=1)
    ]
    assert office.attempt("kesha@popug.test").status_code == 200


def test_two_users_cannot_have_one_e_mail(office: Office) -> None:
    admin = office.bench.client("admin")
    assert admin.post("/auth/api/v1/users", json=NEW).status_code == 201
    again = admin.post("/auth/api/v1/users", json={**NEW, "email": "KESHA@POPUG.TEST "})
    assert again.status_code == 409
    assert again.json and again.json["detail"] == "Another user has this e-mail address."
    assert len(office.said()) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "kesha"},
        {"email": ""},
        {"email": "kesha@popug.test\nBcc: x@y.test"},
        {"email": "x" * 200 + "@popug.test"},
        {"email": None},
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 101},
        {"name": "a\u0000b"},
        {"name": "a\nb"},
        {"name": 7},
        {"role": "service"},
        {"role": "root"},
        {"role": ""},
        {"password": "short"},
        {"password": "x" * 201},
        {"password": "x" * 10_000},
        {"language": "fr"},
        {"active": True},
        {"id": "mine"},
        {"epoch": 99},
    ],
)
def test_a_user_with_something_wrong_is_refused_and_not_half_made(
    office: Office, wrong: dict[str, Any]
) -> None:
    answer = office.bench.client("admin").post("/auth/api/v1/users", json={**NEW, **wrong})
    assert answer.status_code == 422
    assert answer.json and answer.json["detail"]
    assert office.bench.client("admin").get("/auth/api/v1/users").json["items"] == []  # type: ignore[index]
    assert office.said() == []


@pytest.mark.parametrize("role", ["worker", "accountant", "manager", None])
def test_only_admins_add_and_change_users(office: Office, role: str | None) -> None:
    ann = office.add("Ann")
    client = office.bench.client(role)
    refused = 401 if role is None else 403
    assert client.post("/auth/api/v1/users", json=NEW).status_code == refused
    change = client.patch(f"/auth/api/v1/users/{ann.id}", json={"role": "admin"})
    assert change.status_code == refused
    assert office.bench.client("admin").get(f"/auth/api/v1/users/{ann.id}").json["role"] == "worker"  # type: ignore[index]


def test_nobody_makes_himself_an_admin(office: Office) -> None:
    ann = office.add("Ann")
    client = office.signed_in("Ann")
    answer = client.patch(f"/auth/api/v1/users/{ann.id}", json={"role": "admin"})
    assert answer.status_code == 403


def test_services_ask_but_do_not_change(office: Office) -> None:
    ann = office.add("Ann")
    client, headers = office.bench.client(), office.bench.as_service("mailer")
    assert client.get(f"/auth/api/v1/users/{ann.id}", headers=headers).json == {
        "id": ann.id,
        "email": "ann@popug.test",
        "name": "Ann",
        "role": "worker",
        "language": "en",
        "active": True,
    }
    assert client.post("/auth/api/v1/users", json=NEW, headers=headers).status_code == 403
    change = client.patch(f"/auth/api/v1/users/{ann.id}", json={"name": "X"}, headers=headers)
    assert change.status_code == 403
    assert client.get("/auth/api/v1/users/me", headers=headers).status_code == 403


@pytest.mark.parametrize("role", ["worker", "accountant", "manager"])
def test_e_mails_are_not_everybodys_business(office: Office, role: str) -> None:
    ann, bob = office.add("Ann"), office.add("Bob", "manager", language="ru")
    client = office.bench.client(role)
    shown = {"id": bob.id, "name": "Bob", "role": "manager", "active": True}
    assert client.get(f"/auth/api/v1/users/{bob.id}").json == shown
    every = client.get("/auth/api/v1/users")
    assert every.json and every.json["items"][1] == shown
    for path in ("", f"?ids={ann.id},{bob.id}", "?candidates=true", f"/{ann.id}", "?q=popug"):
        assert "popug.test" not in client.get(f"/auth/api/v1/users{path}").text
    assert "popug.test" not in client.get("/auth/me").text
    # Nor can it be guessed letter by letter through the search.
    assert client.get("/auth/api/v1/users?q=ann@popug").json == {"items": [], "next": None}
    as_admin = office.bench.client("admin").get("/auth/api/v1/users?q=ANN@popug")
    assert as_admin.json and [u["email"] for u in as_admin.json["items"]] == ["ann@popug.test"]


def test_ones_own_e_mail_is_shown_to_oneself(office: Office) -> None:
    ann = office.add("Ann")
    client = office.signed_in("Ann")
    expected = {
        "id": ann.id,
        "email": "ann@popug.test",
        "name": "Ann",
        "role": "worker",
        "language": "en",
        "active": True,
    }
    assert client.get("/auth/api/v1/users/me").json == expected
    assert client.get(f"/auth/api/v1/users/{ann.id}").json == expected


def test_candidates_are_active_and_neither_manage_nor_administer(office: Office) -> None:
    office.add("Root", "admin")
    office.add("Max", "manager")
    ann, kim = office.add("Ann"), office.add("Kim", "accountant")
    gone = office.add("Gone")
    admin = office.bench.client("admin")
    assert admin.patch(f"/auth/api/v1/users/{gone.id}", json={"active": False}).status_code == 200
    answer = office.bench.client("worker").get("/auth/api/v1/users?candidates=true")
    assert answer.json == {
        "items": [
            {"id": ann.id, "name": "Ann", "role": "worker", "active": True},
            {"id": kim.id, "name": "Kim", "role": "accountant", "active": True},
        ],
        "next": None,
    }


def test_ids_give_those_that_exist(office: Office) -> None:
    ann = office.add("Ann")
    bob = office.add("Bob")
    office.add("Eve")
    client = office.bench.client("worker")
    found = client.get(f"/auth/api/v1/users?ids={bob.id},nobody,{ann.id},é,,{'x' * 70}").json
    assert found and [u["name"] for u in found["items"]] == ["Ann", "Bob"]
    assert client.get("/auth/api/v1/users?ids=").json == {"items": [], "next": None}
    many = ",".join(["x"] * 201)
    answer = client.get(f"/auth/api/v1/users?ids={many}")
    assert answer.status_code == 422


def test_a_list_is_read_page_by_page_without_gap_or_repetition(office: Office) -> None:
    names = ["ann", "Bob", "Ёж", "ёж", "Кеша", "ann", "%_", "Zed"]
    for number, name in enumerate(names):
        office.add(name, email=f"u{number}@popug.test")
    client = office.bench.client("worker")
    seen: list[str] = []
    after = ""
    for _ in range(4):
        page = client.get(f"/auth/api/v1/users?limit=2{after}").json
        assert page and len(page["items"]) == 2
        seen += [u["name"] for u in page["items"]]
        after = f"&after={page['next']}"
    assert page
    assert page["next"] is None
    assert seen == ["%_", "ann", "ann", "Bob", "Zed", "Ёж", "ёж", "Кеша"]


def test_the_search_folds_case_and_takes_signs_for_what_they_are(office: Office) -> None:
    for number, name in enumerate(["Кеша Попугаев", "Ann 100%", "A_b"]):
        office.add(name, email=f"u{number}@popug.test")
    client = office.bench.client("worker")

    def found(text: str) -> list[str]:
        page = client.get("/auth/api/v1/users", query_string={"q": text}).json
        assert page
        return [u["name"] for u in page["items"]]

    assert found("кЕША") == ["Кеша Попугаев"]
    assert found("кёша") == ["Кеша Попугаев"]
    assert found("%") == ["Ann 100%"]
    assert found("_") == ["A_b"]
    assert found("' OR 1=1 --") == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=201",
        "limit=99999999999999999999",
        "limit=x",
        "after=x",
        "after=W10",
        "after=WzEsMl0",
        "after=" + "A" * 2_000,
        "candidates=maybe",
        "q=" + "x" * 200,
        "unknown=1",
    ],
)
def test_a_broken_query_is_refused_with_a_sentence(office: Office, query: str) -> None:
    answer = office.bench.client("worker").get(f"/auth/api/v1/users?{query}")
    assert answer.status_code == 422
    assert answer.json and answer.json["detail"]


def test_services_may_ask_for_five_thousand(office: Office) -> None:
    client, headers = office.bench.client(), office.bench.as_service("tasks")
    assert client.get("/auth/api/v1/users?limit=5000", headers=headers).status_code == 200
    assert client.get("/auth/api/v1/users?limit=5001", headers=headers).status_code == 422


@pytest.mark.parametrize("unknown", ["nobody", "x" * 3_000, "é", "%00", "a%0Ab", "..", "0", "-1"])
def test_an_unknown_user_is_not_found(office: Office, unknown: str) -> None:
    client = office.bench.client("admin")
    for answer in (
        client.get(f"/auth/api/v1/users/{unknown}"),
        client.patch(f"/auth/api/v1/users/{unknown}", json={"name": "X"}),
        client.get(f"/auth/users/{unknown}"),
    ):
        assert answer.status_code in (400, 404)


def test_a_change_says_what_is_so_now(office: Office) -> None:
    ann = office.add("Ann")
    office.said()
    admin = office.bench.client("admin")
    path = f"/auth/api/v1/users/{ann.id}"
    answer = admin.patch(path, json={"role": "manager", "name": " Anna ", "language": "ru"})
    assert answer.status_code == 200
    assert answer.json == {
        "id": ann.id,
        "email": "ann@popug.test",
        "name": "Anna",
        "role": "manager",
        "language": "ru",
        "active": True,
    }
    assert office.said() == [AccessChanged(user_id=ann.id, role="manager", active=True, epoch=2)]


def test_a_name_a_language_or_the_same_rights_are_no_news(office: Office) -> None:
    ann = office.add("Ann")
    office.said()
    admin = office.bench.client("admin")
    for change in ({"name": "Anna"}, {"language": "ru"}, {"role": "worker", "active": True}):
        assert admin.patch(f"/auth/api/v1/users/{ann.id}", json=change).status_code == 200
    assert office.said() == []


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"name": None},
        {"name": ""},
        {"name": "\u200b"},
        {"role": "service"},
        {"active": "yes"},
        {"active": 1},
        {"language": "tlh"},
        {"email": "other@popug.test"},
        {"password": "quite another one"},
        {"name": "X", "epoch": 5},
    ],
)
def test_a_broken_change_changes_nothing(office: Office, change: dict[str, Any]) -> None:
    ann = office.add("Ann")
    office.said()
    admin = office.bench.client("admin")
    path = f"/auth/api/v1/users/{ann.id}"
    before = admin.get(path).json
    answer = admin.patch(path, json=change)
    assert answer.status_code == 422
    assert answer.json and answer.json["detail"]
    assert admin.get(path).json == before
    assert office.said() == []


@pytest.mark.parametrize("change", [{"active": False}, {"role": "worker"}])
def test_the_last_active_admin_stays(office: Office, change: dict[str, Any]) -> None:
    root = office.add("Root", "admin")
    other = office.add("Other", "admin")
    admin = office.signed_in("Root")
    gone = admin.patch(f"/auth/api/v1/users/{other.id}", json={"active": False})
    assert gone.status_code == 200
    answer = admin.patch(f"/auth/api/v1/users/{root.id}", json=change)
    assert answer.status_code == 409
    assert answer.json and "last active admin" in answer.json["detail"]
    assert admin.get("/auth/api/v1/users").status_code == 200


def test_the_description_of_the_api_names_every_path(office: Office) -> None:
    answer = office.bench.client().get("/auth/api/openapi.json")
    assert answer.json
    parked = {path for path in answer.json["paths"] if path.startswith("/api/v1/parked")}
    assert parked, "what every service has"
    assert set(answer.json["paths"]) - parked == {
        "/api/v1/login",
        "/api/v1/logout",
        "/api/v1/users",
        "/api/v1/users/me",
        "/api/v1/users/{user_id}",
    }

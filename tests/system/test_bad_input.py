"""Hostile and careless input: always 4xx with a sentence, never 500, nothing half-done."""

import itertools
from typing import Any

import pytest

from tests.system.company import Company
from tests.system.running import RunningPopug

LONG = "x" * 10_000
UNKNOWN = "01900000-0000-7000-8000-000000000000"
# An address where nothing can be, as it may be typed, guessed or made up.
IDS = (UNKNOWN, "1", "-1", "%00", "..%2f..", LONG[:2_000], "%F0%9F%A6%9C", "'; DROP TABLE users")

DETAIL_PATHS = (
    "/auth/api/v1/users/{}",
    "/tasks/api/v1/tasks/{}",
    "/tasks/api/v1/shuffles/{}",
    "/accounts/api/v1/accounts/{}",
    "/billing/api/v1/payouts/{}",
    "/mailer/api/v1/mails/{}",
    "/auth/users/{}",
    "/tasks/{}",
    "/tasks/shuffles/{}",
    "/accounts/users/{}",
    "/mailer/mails/{}",
)
LISTS = (
    "/auth/api/v1/users",
    "/tasks/api/v1/tasks",
    "/accounts/api/v1/accounts/me/transactions",
    "/billing/api/v1/payouts",
    "/mailer/api/v1/mails",
)
BAD_QUERIES = (
    "limit=0",
    "limit=-1",
    "limit=201",
    "limit=1e9",
    "limit=99999999999999999999",
    "limit=many",
    "after=!!!",
    "after=-1",
    "after=WzEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNF0",
    f"after={LONG[:1_500]}",
    "after=W10",
)
BAD_DATES = ("2026-02-30", "tomorrow", "0000-00-00", "99999-01-01", "2026-13-01", "%00", "-1")

BAD_TASKS: tuple[Any, ...] = (
    {},
    {"title": ""},
    {"title": "   "},
    {"title": LONG},
    {"title": 5},
    {"title": None},
    {"title": ["a"]},
    {"title": "[POPUG-1] [again] Paint"},
    {"title": "broken ] bracket"},
    {"title": "nul \x00 inside"},
    {"title": "ok", "description": LONG},
    {"title": "ok", "description": 5},
    {"title": "ok", "fee": 1},
    {"title": "ok", "assignee_id": "me"},
    [],
    "text",
    7,
)

# method, path, body: each is refused with one of 400, 404, 409, 413, 415, 422.
BAD_BODIES: tuple[tuple[str, str, Any], ...] = (
    *(("POST", "/tasks/api/v1/tasks", body) for body in BAD_TASKS),
    *(
        ("POST", "/auth/api/v1/users", body)
        for body in (
            {},
            {"email": "no at", "name": "A", "role": "worker", "password": "long enough"},
            {"email": "a@popug.test", "name": "", "role": "worker", "password": "long enough"},
            {"email": "b@popug.test", "name": "A", "role": "king", "password": "long enough"},
            {"email": "c@popug.test", "name": "A", "role": "worker", "password": "short"},
            {"email": "d@popug.test", "name": LONG, "role": "worker", "password": "long enough"},
            {"email": "e@popug.test", "name": "A", "role": "worker", "password": LONG},
            {"email": f"{LONG}@popug.test", "name": "A", "role": "worker", "password": "x" * 12},
            {
                "email": "f@popug.test\r\nBcc: x@y.test",
                "name": "A",
                "role": "worker",
                "password": "long enough",
            },
        )
    ),
    *(
        ("PUT", "/billing/api/v1/cards/me", body)
        for body in (
            {},
            {"card_number": ""},
            {"card_number": "4539578763621487"},
            {"card_number": 4539578763621486},
            {"card_number": LONG},
            {"card_number": "not digits at all"},
        )
    ),
    ("POST", "/accounts/api/v1/reversals", {}),
    ("POST", "/accounts/api/v1/reversals", {"transaction_id": UNKNOWN, "reason": "why"}),
    ("POST", "/accounts/api/v1/reversals", {"transaction_id": UNKNOWN, "reason": ""}),
    ("POST", "/accounts/api/v1/reversals", {"transaction_id": LONG, "reason": LONG}),
    ("POST", f"/tasks/api/v1/tasks/{UNKNOWN}/close", None),
    ("POST", f"/tasks/api/v1/tasks/{UNKNOWN}/reassign", None),
    ("POST", f"/billing/api/v1/payouts/{UNKNOWN}/retry", None),
    ("POST", f"/billing/api/v1/payouts/{UNKNOWN}/cancel", {"reason": "why"}),
    ("POST", f"/billing/api/v1/payouts/{UNKNOWN}/decide", {"outcome": "paid", "reason": "why"}),
    ("POST", f"/billing/api/v1/payouts/{UNKNOWN}/settle", {"reason": LONG}),
    ("POST", f"/billing/api/v1/payouts/{UNKNOWN}/ask", None),
    ("POST", f"/mailer/api/v1/mails/{UNKNOWN}/resend", None),
    ("PATCH", f"/auth/api/v1/users/{UNKNOWN}", {"name": "A"}),
    ("POST", "/accounts/api/v1/days/2199-01-01/close", None),
    ("POST", "/accounts/api/v1/days/nonsense/close", None),
    ("DELETE", "/tasks/api/v1/tasks", None),
    ("PUT", "/accounts/api/v1/company", {}),
)
REFUSALS = frozenset({400, 404, 405, 409, 413, 414, 415, 422})


@pytest.fixture(scope="module")
def company(popug: RunningPopug) -> Company:
    return Company(popug.url, workers=1)


def refused(company: Company, method: str, path: str, **arguments: Any) -> None:
    answer = company.admin.ask(method, path, **arguments)
    label = f"{method} {path[:150]} → {answer.status_code} {answer.text[:300]}"
    assert answer.status_code in REFUSALS, label
    if "/api/" in path and answer.headers.get("Content-Type", "").startswith("application"):
        assert len(answer.json()["detail"]) > 10, label


@pytest.mark.parametrize("path", DETAIL_PATHS)
def test_ids_of_nothing(company: Company, path: str) -> None:
    for thing in IDS:
        refused(company, "GET", path.format(thing), allow_redirects=False)


@pytest.mark.parametrize("path", LISTS)
def test_pages_and_limits_out_of_range(company: Company, path: str) -> None:
    for query in BAD_QUERIES:
        refused(company, "GET", f"{path}?{query}")


def test_dates_that_are_none_or_in_the_future(company: Company) -> None:
    paths = (
        "/accounts/api/v1/company?from={}",
        "/accounts/api/v1/company?to={}",
        "/accounts/api/v1/accounts/me/transactions?day={}",
        "/accounts/api/v1/days/{}",
        "/billing/api/v1/payouts?date={}",
        "/billing/api/v1/reports/{}",
        "/billing/api/v1/reports/{}.csv",
        "/billing/api/v1/reports/{}.xlsx",
        "/billing/reports/{}",
        "/analytics/api/v1/days?from={}",
        "/analytics/api/v1/days?to={}",
        "/analytics/api/v1/top-task?period=day&date={}",
    )
    for path, day in itertools.product(paths, BAD_DATES):
        refused(company, "GET", path.format(day), allow_redirects=False)
    for path in ("/accounts/api/v1/company", "/analytics/api/v1/days"):
        refused(company, "GET", f"{path}?to=2199-01-01")
        refused(company, "GET", f"{path}?from=2026-02-02&to=2026-02-01")
        refused(company, "GET", f"{path}?from=1000-01-01&to=2026-01-01")


@pytest.mark.parametrize(("method", "path", "body"), BAD_BODIES)
def test_bodies_that_say_nothing_useful(
    company: Company, method: str, path: str, body: Any
) -> None:
    refused(company, method, path, **({} if body is None else {"json": body}))


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"title":', b"null", b"[" * 5_000])
def test_broken_json(company: Company, body: bytes) -> None:
    for path in ("/tasks/api/v1/tasks", "/auth/api/v1/login", "/accounts/api/v1/reversals"):
        refused(company, "POST", path, data=body, headers={"Content-Type": "application/json"})


def test_other_kinds_of_bodies_and_far_too_much(company: Company) -> None:
    refused(company, "POST", "/tasks/api/v1/tasks", data={"title": "a form"})
    refused(
        company, "POST", "/tasks/api/v1/tasks", data=b"<a/>", headers={"Content-Type": "text/xml"}
    )
    refused(company, "POST", "/tasks/api/v1/tasks", json={"title": "x" * 2_000_000})


def test_pages_refuse_bad_forms_and_keep_what_was_typed(company: Company) -> None:
    answer = company.admin.ask("POST", "/tasks/", data={"title": "kept ] bracket"})
    assert answer.status_code == 422
    assert "kept ] bracket" in answer.text


def test_after_all_that_nothing_has_been_made(company: Company) -> None:
    assert company.admin.items("/tasks/api/v1/tasks") == []
    people = company.admin.items("/auth/api/v1/users")
    assert {p["email"].split("-")[0] for p in people} == {
        "admin@popug.test",
        "manager",
        "accountant",
        "worker",
    }

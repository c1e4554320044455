"""The Flask factory: guards, errors, headers, same-origin, health, OpenAPI."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Blueprint
from werkzeug.test import TestResponse

from chassis import security
from chassis.database import Database, DatabaseAway
from chassis.openapi import Api
from chassis.service import Service
from chassis.web import create_app
from tests.integration.chassis import counter
from tests.support import Workbench

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_page_escapes_what_it_shows(bench: Workbench) -> None:
    text = bench.client().get("/counter/").text
    assert "&lt;b&gt;open&lt;/b&gt;" in text


def test_a_page_for_people_leads_to_the_login_and_back(bench: Workbench) -> None:
    answer = bench.client().get("/counter/mine?q=a%26b&x=%2F%2Fevil")
    assert answer.status_code == 302
    assert answer.headers["Location"] == (
        "/auth/login?next=%2Fcounter%2Fmine%3Fq%3Da%2526b%26x%3D%252F%252Fevil"
    )


@pytest.mark.parametrize("asked", ["/counter/status", "/counter/status?a=b"])
def test_the_systems_page_leads_back_to_the_systems_address(asked: str, bench: Workbench) -> None:
    """However it was reached: nginx and the front door show it at /status."""
    answer = bench.client().get(asked)
    back = asked.removeprefix("/counter").replace("/", "%2F").replace("?a=b", "%3Fa%3Db")
    assert answer.headers["Location"] == f"/auth/login?next={back}"


def test_after_a_lost_session_a_form_leads_back_to_a_page_and_not_to_a_post(
    bench: Workbench,
) -> None:
    answer = bench.client().post("/counter/add/n")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/auth/login?next=%2Ftasks%2F"


def test_the_api_says_401_to_a_stranger(bench: Workbench) -> None:
    answer = bench.client().get("/counter/api/v1/counts")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    _is_problem(answer, 401)


def test_the_wrong_role_is_403(bench: Workbench) -> None:
    answer = bench.client("worker").get("/counter/admins")
    assert answer.status_code == 403
    assert bench.client("admin").get("/counter/admins").text == "for admins"


def test_a_bearer_token_that_is_bad_is_not_replaced_by_a_good_cookie(bench: Workbench) -> None:
    client = bench.client("worker")
    for header in ("Bearer nonsense", "Bearer", "Basic YTpi", "Bearer a b"):
        answer = client.get("/counter/api/v1/counts", headers={"Authorization": header})
        assert answer.status_code == 401, header


def test_a_bearer_token_does_as_well_as_the_cookie(bench: Workbench) -> None:
    headers = {"Authorization": f"bearer {bench.token('worker')}"}
    assert bench.client().get("/counter/api/v1/counts", headers=headers).status_code == 200


def _is_problem(answer: TestResponse, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    body: dict[str, Any] = answer.get_json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert re.fullmatch("[0-9a-f]{32}", body["trace_id"])
    assert answer.headers["X-Request-Id"] == body["trace_id"]
    return body


def test_a_problem_carries_the_trace_of_its_request(bench: Workbench) -> None:
    answer = bench.client().get("/counter/api/v1/nothing", headers={"traceparent": TRACE})
    assert _is_problem(answer, 404)["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/counter/nothing", 404),
        ("/counter/full", 409),
        ("/counter/boom", 500),
        ("/counter/add/n", 405),
        ("/counter/%00", 400),
        ("/counter/?q=%00", 400),
        ("/counter/" + "x" * 10_000, 404),
        ("/counter/static/../../../etc/passwd", 404),
        ("/counter/static/nothing.css", 404),
    ],
)
def test_an_error_is_a_page_with_a_sentence(path: str, status: int, bench: Workbench) -> None:
    answer = bench.client("worker").get(path)
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert "4111111111111111" not in answer.text
    assert "Traceback" not in answer.text
    _has_headers(answer)


def test_a_domain_error_is_told_in_its_sentence(bench: Workbench) -> None:
    assert "No room in the nest." in bench.client("worker").get("/counter/full").text


def test_a_database_that_is_away_is_503_and_nothing_of_it_leaks(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseAway("secret-host:3306")

    monkeypatch.setattr(bench.runtime().database, "run", fail)
    answer = bench.client("worker").post("/counter/add/n")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "secret-host" not in answer.text


def _has_headers(answer: TestResponse) -> None:
    assert answer.headers["Content-Security-Policy"] == security.CONTENT_SECURITY_POLICY
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Request-Id"]
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/mine", "/healthz", "/metrics", "/api/v1/counts"])
def test_every_answer_has_the_headers(path: str, bench: Workbench) -> None:
    _has_headers(bench.client().get(f"/counter{path}"))
    _has_headers(bench.client("worker").get(f"/counter{path}"))


def test_what_depends_on_who_asks_is_not_kept_by_a_cache(bench: Workbench) -> None:
    assert bench.client("worker").get("/counter/mine").headers["Cache-Control"] == "no-store"
    with bench.client().get("/counter/static/popug.css") as style:
        assert "max-age" in style.headers["Cache-Control"]


SAME = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Origin": "http://localhost"},
]
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "http://evil.example"},
    {"Origin": "https://localhost"},
    {"Origin": "http://localhost:81"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://[broken"},
]


@pytest.mark.parametrize("headers", SAME)
def test_a_change_from_our_own_pages_is_carried_out(
    headers: dict[str, str], bench: Workbench
) -> None:
    assert bench.client("worker").post("/counter/add/n", headers=headers).status_code == 303


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_change_from_another_site_is_refused(headers: dict[str, str], bench: Workbench) -> None:
    client = bench.client("worker")
    assert client.post("/counter/add/n", headers=headers).status_code == 403
    answer = client.post("/counter/api/v1/counts", headers=headers, json={"name": "n", "number": 1})
    _is_problem(answer, 403)
    assert bench.runtime().database.read(counter.numbers) == {}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"name": "n", "number": 1}', "application/json", 201),
        (b'{"name": "n", "number": 1}', "text/plain", 415),
        (b"name=n&number=1", "application/x-www-form-urlencoded", 415),
        (b'{"name": "n", "number": 1', "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'["n", 1]', "application/json", 400),
        (b"null", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"{}", "application/json", 422),
        (b"", "application/json", 422),
        (b'{"name": "n", "number": "1"}', "application/json", 422),
        (b'{"name": "n", "number": 1.5}', "application/json", 422),
        (b'{"name": "n", "number": true}', "application/json", 422),
        (b'{"name": "n", "number": null}', "application/json", 422),
        (b'{"name": "n", "number": 1, "admin": true}', "application/json", 422),
        (b'{"name": "n", "number": -1}', "application/json", 409),
        (b'{"name": "' + b"x" * 300_000 + b'"}', "application/json", 413),
    ],
)
def test_a_body_is_taken_whole_or_refused_with_a_sentence(
    body: bytes, kind: str, status: int, bench: Workbench
) -> None:
    answer = bench.client("worker").post("/counter/api/v1/counts", data=body, content_type=kind)
    assert answer.status_code == status, answer.text
    assert bench.runtime().database.read(counter.numbers) == ({"n": 1} if status == 201 else {})
    if status != 201:
        _is_problem(answer, status)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "limit=",
        f"limit={'9' * 5_000}",
        "page=2",
        "after=x",
        "after=%FF",
        f"after={'A' * 1_001}",
        "after=WzFd",
    ],
)
def test_a_list_refuses_a_query_that_it_does_not_understand(query: str, bench: Workbench) -> None:
    _is_problem(bench.client("worker").get(f"/counter/api/v1/counts?{query}"), 422)


def test_a_list_is_walked_page_by_page(bench: Workbench) -> None:
    for name in "abcde":
        bench.runtime().database.run(counter.add, name)
    client = bench.client("worker")
    seen, after = [], ""
    for _ in range(3):
        page = client.get(f"/counter/api/v1/counts?limit=2&after={after}").get_json()
        seen += [item["name"] for item in page["items"]]
        after = page["next"]
    assert seen == list("abcde")
    assert after is None


def test_a_service_says_that_it_is_alive_ready_and_how_it_does(bench: Workbench) -> None:
    client = bench.client()
    assert client.get("/counter/healthz").get_json() == {"status": "alive", "service": "counter"}
    assert client.get("/counter/readyz").get_json() == {"status": "ready", "service": "counter"}
    bench.runtime().database.run(counter.add_and_say, "n")
    bench.runtime().consumer.deliver([b"garbage"])
    text = client.get("/counter/metrics").text
    assert "\noutbox_depth 1.0\n" in text
    assert "\nparked_events 1.0\n" in text
    assert 'http_requests_total{method="GET",route="/healthz",status="200"} 1.0' in text


def test_methods_that_clients_make_up_add_no_label_values(bench: Workbench) -> None:
    client = bench.client()
    for number in range(20):
        assert client.open("/counter/", method=f"MADEUP{number}").status_code == 405
    text = client.get("/counter/metrics").text
    assert "MADEUP" not in text
    assert 'http_requests_total{method="?",route="?",status="405"} 20.0' in text


def test_without_its_database_a_service_is_alive_and_not_ready(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def fail(*_: object) -> Iterator[None]:
        raise DatabaseAway("gone")
        yield

    client = bench.client()
    bench.runtime().database.run(counter.add_and_say, "n")
    assert "\ndatabase_reachable 1.0\n" in client.get("/counter/metrics").text
    bench.runtime().figures.forget()
    monkeypatch.setattr(Database, "reading", fail)
    assert client.get("/counter/healthz").status_code == 200
    _is_problem(client.get("/counter/readyz"), 503)
    figures = client.get("/counter/metrics").text
    assert "\ndatabase_reachable 0.0\n" in figures
    assert 'route="/healthz",status="200"} 1.0' in figures
    assert "outbox_depth" not in figures


def test_openapi_describes_what_is_there(bench: Workbench) -> None:
    spec = bench.client().get("/counter/api/openapi.json").get_json()
    assert spec["openapi"].startswith("3.1")
    assert {path for path in spec["paths"] if "parked" not in path} == {"/api/v1/counts"}
    create = spec["paths"]["/api/v1/counts"]["post"]
    assert set(create["responses"]) >= {"201", "401", "403", "409", "422"}


def test_the_navigation_shows_what_the_role_may_use(bench: Workbench) -> None:
    worker = bench.client("worker").get("/counter/").text
    assert "Counts" in worker
    assert "Admins" not in worker
    assert "Admins" in bench.client("admin").get("/counter/").text


def test_a_route_that_does_not_say_who_may_use_it_stops_the_start(bench: Workbench) -> None:
    open_door = Blueprint("open_door", __name__)
    open_door.add_url_rule("/open", "forgotten", lambda: "anybody")
    runtime = bench.runtime()
    service = Service(
        name="counter",
        package=counter.service.package,
        metadata=counter.metadata,
        pages=(open_door,),
        api=Api("counter", "Counts"),
        handlers=counter.handlers,
    )
    runtime.service = service
    with pytest.raises(RuntimeError, match="forgotten does not say who may use it"):
        create_app(runtime)


def test_the_answer_speaks_the_readers_language(bench: Workbench) -> None:
    russian = bench.client("worker", language="ru").get("/counter/")
    assert 'lang="ru"' in russian.text
    guest = bench.client().get("/counter/", headers={"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.5"})
    assert 'lang="ru"' in guest.text
    assert 'lang="en"' in bench.client().get("/counter/").text


def test_a_long_made_up_field_is_not_repeated_whole(bench: Workbench) -> None:
    client = bench.client("worker")
    for answer in (
        client.get(f"/counter/api/v1/counts?{'a' * 8_000}=1"),
        client.post("/counter/api/v1/counts", json={"a" * 8_000: 1, "name": "n", "number": 1}),
    ):
        detail = _is_problem(answer, 422)["detail"]
        assert detail.startswith("aaaa")
        assert len(detail) < 200

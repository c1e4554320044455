"""What nginx answers by itself: a problem for programs, a page for people, headers always."""

import json
import re
import socket

import pytest

from chassis.security import CONTENT_SECURITY_POLICY
from tests.edge.conftest import AWAY
from tests.edge.mirror import Answer, ask, read_answer, say
from tests.nginx import Nginx

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
REQUESTS = {
    "400 of a request": ("GET /tasks/%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "400 of a line": ("NONSENSE\r\n\r\n", 400),
    "400 without a host": ("GET /tasks/ HTTP/1.1\r\n\r\n", 400),
    "404": ("GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
    "404 inside": ("GET /tasks/x//y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
    "405": ("TRACE /tasks/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
    "405 of a service": ("BREW /tasks/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
    "413": ("POST /tasks/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413),
    "414": (f"GET /tasks/{'x' * 9000} HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "431": (f"GET /tasks/ HTTP/1.1\r\nHost: a\r\nX: {'x' * 9000}\r\n\r\n", 431),
    "502": (f"GET /{AWAY}/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 502),
    "505": ("GET /tasks/ HTTP/4.0\r\nHost: a\r\n\r\n", 505),
}


def _guarded(answer: Answer) -> dict[str, str]:
    """Its headers, after a look at those that every answer has."""
    headers = answer.headers
    assert ALWAYS.items() <= headers.items(), ALWAYS.items() - headers.items()
    assert "default-src 'none'" in headers["content-security-policy"]
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
    assert headers["server"] == "nginx"
    return headers


@pytest.mark.parametrize("name", REQUESTS)
def test_a_page_says_in_two_languages_what_is_wrong(edge: Nginx, name: str) -> None:
    request, status = REQUESTS[name]
    answer = say(edge.port, request)
    assert answer
    headers = _guarded(answer)
    assert answer.status == status
    assert headers["cache-control"] == "no-store"
    assert headers["content-type"] == "text/html; charset=utf-8"
    page = answer.body.decode()
    assert '<html lang="en">' in page
    assert re.search(r"<p>[A-Z][\w ,.]+\.</p>", page)
    assert re.search(r'<p lang="ru">[А-Я][а-яё ,.]+', page)
    assert f"{status} · {headers['x-request-id']}" in page
    assert "nginx" not in page


@pytest.mark.parametrize("name", [name for name in REQUESTS if "line" not in name])
def test_a_program_gets_a_problem_with_the_trace_id(edge: Nginx, name: str) -> None:
    request, status = REQUESTS[name]
    path = "/nowhere/api/v1/x" if name == "404" else "/tasks/api/v1/"
    request = request.replace("/nowhere", path).replace("/tasks/ ", f"{path} ")
    request = request.replace("/tasks/x", f"{path}x").replace("/tasks/%", f"{path}%")
    request = request.replace(f"/{AWAY}/", f"/{AWAY}/api/v1/")
    answer = say(edge.port, request)
    assert answer
    headers = _guarded(answer)
    assert (answer.status, headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json
    assert set(problem) == {"type", "title", "status", "detail", "trace_id"}
    assert (problem["status"], problem["trace_id"]) == (status, headers["x-request-id"])
    assert problem["detail"].endswith(".")


def test_every_status_of_nginx_itself_has_words(edge: Nginx) -> None:
    """What is said of a status is said in both languages and titled."""
    conf = (edge.folder / "conf.d/edge/answers.conf").read_text()
    maps = dict(re.findall(r"map \$status \$answer_(\w+) \{(.*?)\n\}", conf, re.DOTALL))
    english, russian = (
        set(re.findall(r'^  (\S+) "', maps[k], re.M)) for k in ("english", "russian")
    )
    assert english == russian
    titled = set(re.findall(r"^  (\d+)", maps["title"], re.M))
    server = (edge.folder / "conf.d/edge/server.conf").read_text()
    answered = set(re.findall(r"\d{3}", " ".join(re.findall(r"error_page (.*?)/", server))))
    assert {s for s in english if s.isdigit()} <= titled
    assert answered - titled == {"412", "415", "416", "494"}


def test_a_service_that_breaks_off_is_a_bad_gateway(edge: Nginx) -> None:
    for method in ("GET", "POST"):
        answer = ask(edge.port, "/tasks/drop", method)
        assert answer.status == 502
        assert _guarded(answer)["retry-after"] == "5"
        assert b"Look whether your last change is there" in answer.body


def test_a_change_that_may_have_been_carried_out_is_sent_once(
    edge: Nginx, mirrors: dict[str, "object"]
) -> None:
    asked = mirrors["tasks"].asked  # type: ignore[attr-defined]
    asked.clear()
    assert ask(edge.port, "/tasks/drop", "POST", body="pay").status == 502
    assert asked == ["POST /drop"]


def test_a_service_that_does_not_answer_in_time_is_a_gateway_timeout(
    mirrors: dict[str, "object"], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        nginx = Nginx(tmp_path_factory.mktemp("silent"), {"tasks": address})
        nginx.edit("edge/routes.conf", "proxy_read_timeout 65s", "proxy_read_timeout 1s")
        nginx.start()
        try:
            page, problem = ask(nginx.port, "/tasks/"), ask(nginx.port, "/tasks/api/v1/x")
        finally:
            nginx.stop()
    assert (page.status, problem.status) == (504, 504)
    assert _guarded(page)["retry-after"] == "5"
    assert problem.json["title"] == "Gateway Timeout"


def test_what_a_service_answers_stands(edge: Nginx) -> None:
    """Its headers, its waiting time and its own words, each once."""
    answer = ask(edge.port, "/tasks/x")
    headers = _guarded_by_the_service(answer)
    assert "retry-after" not in headers
    refused = ask(edge.port, "/tasks/refused")
    assert (refused.status, refused.headers["retry-after"]) == (429, "77")
    assert refused.json["service"] == "tasks"
    assert ask(edge.port, "/tasks/missing").json["service"] == "tasks"


def _guarded_by_the_service(answer: Answer) -> dict[str, str]:
    headers = answer.headers
    assert headers["content-security-policy"] == "default-src 'self'"
    assert headers["cache-control"] == "private"
    assert headers["x-request-id"] == answer.json["headers"]["traceparent"][3:35]
    return headers


def test_a_bare_answer_of_a_service_is_given_its_headers(edge: Nginx) -> None:
    answer = ask(edge.port, "/tasks/bare")
    assert answer.status == 400
    assert _guarded(answer)["cache-control"] == "no-store"


def test_redirects_have_their_headers_too(edge: Nginx) -> None:
    for path in ("/", "/tasks"):
        _guarded(ask(edge.port, path))


def test_a_refused_method_names_those_that_are_taken(edge: Nginx) -> None:
    assert "PATCH" in ask(edge.port, "/tasks/", "BREW").headers["allow"]
    assert "allow" not in ask(edge.port, "/nowhere").headers


def test_a_head_request_gets_the_head_alone(edge: Nginx) -> None:
    answer = ask(edge.port, "/nowhere", "HEAD")
    assert (answer.status, answer.body) == (404, b"")


def test_nginx_says_itself_that_it_is_alive(edge: Nginx) -> None:
    assert ask(edge.port, "/healthz").json == {"status": "alive", "service": "nginx"}


def test_headers_of_the_edge_are_those_of_the_services(edge: Nginx) -> None:
    """chassis/security.py and the edge promise the same, each in its own words."""
    from flask import Response

    from chassis.security import set_headers

    answer = Response()
    set_headers(answer, secure=False)
    said = {name.lower(): value for name, value in answer.headers.items()}
    assert {name: said[name] for name in ALWAYS} == ALWAYS
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    assert json.dumps(_guarded(ask(edge.port, "/nowhere"))).count("frame-ancestors 'none'") == 1


def test_a_pipelined_connection_stays_usable_after_a_refusal(edge: Nginx) -> None:
    request = "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
    last = "GET /tasks/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", edge.port), 30) as connection:
        connection.sendall((request + last).encode())
        answer = read_answer(connection)
    assert answer and answer.status == 404
    assert b"HTTP/1.1 200 OK" in answer.body

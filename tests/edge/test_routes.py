"""Which path reaches which service, how it arrives there, and what never does."""

from pathlib import Path

import pytest

from tests.edge.conftest import addresses
from tests.edge.mirror import Mirror, ask, say
from tests.nginx import Nginx

INTERNAL = ("metrics", "readyz", "statusz", "eventsz")


def test_a_path_reaches_its_service_without_the_prefix(edge: Nginx) -> None:
    for service in ("auth", "tasks", "accounts", "billing", "analytics"):
        seen = ask(edge.port, f"/{service}/some/page?a=1&b=%2F").json
        assert (seen["service"], seen["path"]) == (service, "/some/page?a=1&b=%2F")
        assert seen["headers"]["x-forwarded-prefix"] == f"/{service}"


def test_a_path_arrives_as_nginx_has_read_it(edge: Nginx) -> None:
    for asked, arrives in {
        "/tasks/a%20b": "/a%20b",
        "/tasks/%D0%BF": "/%D0%BF",
        "/tasks/a%3Fb%23c%25": "/a%3Fb%23c%25",
        "/tasks/a%2Fb": "/a/b",
        "/tasks/%252e%252e/x": "/%252e%252e/x",
        "/auth/../tasks/./x": "/x",
        "/tasks/x%0Ay": "/x%0Ay",
        "/tasks/": "/",
    }.items():
        assert ask(edge.port, asked).json["path"] == arrives, asked


def test_the_front_door_leads_home_and_a_prefix_alone_to_its_pages(edge: Nginx) -> None:
    home = ask(edge.port, "/")
    assert (home.status, home.headers["location"]) == (302, "/tasks/")
    for service in ("auth", "mailer"):
        answer = ask(edge.port, f"/{service}?a=1")
        assert (answer.status, answer.headers["location"]) == (308, f"/{service}/?a=1")


def test_the_systems_pages_are_shown_by_tasks(edge: Nginx) -> None:
    for path in ("/status", "/status/", "/status/events?group=a%20b"):
        seen = ask(edge.port, path).json
        assert (seen["service"], seen["path"]) == ("tasks", path)
        assert seen["headers"]["x-forwarded-prefix"] == "/tasks"
    assert ask(edge.port, "/statusx").status == 404


def test_nobody_is_led_to_the_bank(edge: Nginx) -> None:
    for path in ("/bank", "/bank/v1/book", "/bank/admin/faults", "/%62ank/v1/book"):
        assert ask(edge.port, path).status == 404, path


def test_the_status_page_is_there_while_tasks_is_away(
    mirrors: dict[str, Mirror], tmp_path: Path
) -> None:
    for away, status in ((["tasks"], 200), (["tasks", "auth"], 502)):
        found = {name: at for name, at in addresses(mirrors).items() if name not in away}
        nginx = Nginx(tmp_path / str(len(away)), found)
        nginx.start()
        try:
            answer = ask(nginx.port, "/status?a=1")
        finally:
            nginx.stop()
        assert answer.status == status
        if status == 200:
            assert (answer.json["service"], answer.json["path"]) == ("auth", "/status?a=1")
            assert answer.json["headers"]["x-forwarded-prefix"] == "/auth"
        else:
            assert "does not answer at the moment" in answer.body.decode()


@pytest.mark.parametrize("what", INTERNAL)
def test_what_is_for_machines_inside_is_not_reachable(
    edge: Nginx, mirrors: dict[str, Mirror], what: str
) -> None:
    encoded = "".join(f"%{ord(c):02x}" for c in what)
    for path in (
        f"/tasks/{what}",
        f"/tasks/{what}/",
        f"/tasks/{what}?a=b",
        f"/tasks/{what}#b",
        f"/tasks/{what}%0a",
        f"/tasks/{what}/%2e",
        f"/tasks/{encoded}",
        f"//tasks/{what}",
        f"/tasks//{what}",
        f"/tasks/%2f{what}",
        f"/tasks%2f{what}",
        f"/%74asks/{what}",
        f"/tasks/./{what}",
        f"/tasks/%2e/{what}",
        f"/tasks/../tasks/{what}",
        f"/auth/../tasks/{what}",
        f"/tasks/%2e%2e/tasks/{what}",
        f"/tasks/..%2ftasks/{what}",
        f"/tasks/x/../{what}",
        f"/status/../{what}",
        f"/status/..%2ftasks%2f{what}",
        f"/{what}",
        f"http://popug.test/tasks/{what}",
        f"http://tasks/{what}",
    ):
        assert ask(edge.port, path).status in (400, 404), path
    for method in ("HEAD", "POST", "PUT", "OPTIONS", "PATCH", "DELETE", "BREW"):
        assert ask(edge.port, f"/tasks/{what}", method).status in (404, 405), method
    assert ask(edge.port, f"/tasks/{what}", "GET", "X-Original-URL: /x").status == 404
    asked = [line for mirror in mirrors.values() for line in mirror.asked]
    assert not [line for line in asked if line.partition(" ")[2].startswith(f"/{what}")]


def test_other_spellings_reach_a_service_only_as_other_paths(edge: Nginx) -> None:
    """What is let through differs from the real thing, which services compare exactly."""
    for path, arrives in {
        "/tasks/METRICS": "/METRICS",
        "/tasks/metrics;x": "/metrics;x",
        "/tasks/metrics%20": "/metrics%20",
        "/tasks/%2561": "/%2561",
        "/tasks/x/metrics": "/x/metrics",
        "/tasks/healthz": "/healthz",
    }.items():
        assert ask(edge.port, path).json["path"] == arrives
    for path in ("/TASKS/metrics", "/tasks\\metrics", "/inner", "/tasksx/", "/.edge/page"):
        assert ask(edge.port, path).status == 404


def test_what_only_the_edge_may_say_is_overwritten(edge: Nginx) -> None:
    """Also where a location sets headers: one of its own would drop all the others."""
    forged = (
        "X-Forwarded-For: 6.6.6.6",
        "X-Forwarded-Proto: gopher",
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Prefix: /evil",
        "X-Forwarded-Port: 1",
        "X_Forwarded_For: 6.6.6.6",
        "Forwarded: for=6.6.6.6",
        "X-Request-Id: evil",
        "SCRIPT_NAME: /evil",
        "PATH_INFO: /metrics",
        "REMOTE_USER: admin",
    )
    for path in ("/tasks/board", "/auth/login", "/auth/api/v1/login", "/status"):
        headers = ask(edge.port, path, "POST", *forged, body="{}").json["headers"]
        assert headers["host"] == "popug.test"
        assert headers["x-forwarded-for"] == "127.0.0.1"
        assert headers["x-forwarded-proto"] == "http"
        assert headers["x-forwarded-host"] == "popug.test"
        assert headers["x-forwarded-prefix"] in ("/tasks", "/auth")
        for name, value in headers.items():
            assert "evil" not in value and "6.6.6.6" not in value, name
            assert "_" not in name


def test_what_the_caller_may_say_arrives(edge: Nginx) -> None:
    mine = ("Cookie: a=b", "Authorization: Bearer x", "Idempotency-Key: k", "Origin: http://o")
    headers = ask(edge.port, "/tasks/x", "GET", *mine).json["headers"]
    assert headers["cookie"] == "a=b"
    assert headers["authorization"] == "Bearer x"
    assert headers["idempotency-key"] == "k"
    assert headers["origin"] == "http://o"


def test_two_ends_of_one_request_are_refused(edge: Nginx, mirrors: dict[str, Mirror]) -> None:
    """Who reads the length and who reads the chunks would see different requests."""
    smuggled = "GET /metrics HTTP/1.1\r\nHost: popug.test\r\n\r\n"
    before = len(mirrors["tasks"].asked)
    for lengths in (
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Content-Length: 5, 5",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ):
        answer = say(
            edge.port,
            f"POST /tasks/x HTTP/1.1\r\nHost: popug.test\r\n{lengths}\r\n\r\n0\r\n\r\n{smuggled}",
        )
        assert answer and answer.status in (400, 501), lengths
        assert b"HTTP/1.1 200" not in answer.body
    assert len(mirrors["tasks"].asked) == before


def test_a_chunked_body_arrives_whole_with_its_length(edge: Nginx) -> None:
    answer = say(
        edge.port,
        "POST /tasks/x HTTP/1.1\r\nHost: popug.test\r\nConnection: close\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    )
    assert answer and answer.json["body"] == 5
    assert answer.json["headers"]["content-length"] == "5"


def test_strange_requests_are_answered_and_go_nowhere(
    edge: Nginx, mirrors: dict[str, Mirror]
) -> None:
    before = sum(len(mirror.asked) for mirror in mirrors.values())
    for line, expected in {
        "CONNECT popug.test:443 HTTP/1.1": (400, 405),
        "TRACE /tasks/ HTTP/1.1": (405,),
        "get /tasks/ HTTP/1.1": (400,),
        "GET tasks/ HTTP/1.1": (400,),
        "GET /tasks/%00 HTTP/1.1": (400,),
        "GET /tasks/%zz HTTP/1.1": (400,),
        "GET /../tasks/ HTTP/1.1": (400,),
        "GET /tasks/ HTTP/3.7": (505,),
        "OPTIONS * HTTP/1.1": (400,),
        "PROPFIND /tasks/ HTTP/1.1": (405,),
    }.items():
        answer = say(edge.port, f"{line}\r\nHost: popug.test\r\nConnection: close\r\n\r\n")
        assert answer and answer.status in expected, line
    for hosts in ("", "Host: a\r\nHost: b\r\n", "Host: a/../b\r\n", "Host: a b\r\n"):
        answer = say(edge.port, f"GET /tasks/ HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")
        assert answer and answer.status == 400, hosts
    assert sum(len(mirror.asked) for mirror in mirrors.values()) == before


def test_old_http_is_served(edge: Nginx) -> None:
    answer = say(edge.port, "GET /tasks/x HTTP/1.0\r\nHost: popug.test\r\n\r\n")
    assert answer and answer.json["path"] == "/x"
    answer = say(edge.port, "GET /tasks/metrics HTTP/1.0\r\n\r\n")
    assert answer and answer.status == 404

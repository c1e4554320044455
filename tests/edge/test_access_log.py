"""One JSON line for each request, whatever it was, and nothing secret in it."""

import json
from typing import Any

import pytest

from tests.edge.conftest import AWAY
from tests.edge.mirror import ask, say
from tests.nginx import Nginx
from tests.waiting import wait_for

FIELDS = {
    "time",
    "method",
    "path",
    "status",
    "seconds",
    "upstream",
    "upstream_seconds",
    "bytes",
    "address",
    "trace_id",
}
TRACE = "0af7651916cd43dd8448eb211c80319c"


def lines(edge: Nginx) -> list[dict[str, Any]]:
    """The log, of which every line must be JSON with the same fields."""
    found = [json.loads(line) for line in edge.access_log.read_bytes().decode().splitlines()]
    for line in found:
        assert set(line) == FIELDS
        assert isinstance(line["status"], int)
    return found


def logged(edge: Nginx, trace: str) -> dict[str, Any]:
    """The line of one trace."""
    return wait_for(lambda: [x for x in lines(edge) if x["trace_id"] == trace], trace)[0]


def test_a_request_is_logged_with_the_trace_that_the_service_heard(edge: Nginx) -> None:
    answer = ask(edge.port, "/tasks/board", "POST", body="{}")
    trace = answer.json["headers"]["traceparent"][3:35]
    line = logged(edge, trace)
    assert (line["method"], line["path"], line["status"]) == ("POST", "/tasks/board", 200)
    assert line["address"] == "127.0.0.1"
    assert line["upstream"].startswith("127.0.0.1:")
    assert float(line["upstream_seconds"]) <= line["seconds"] + 0.01
    assert answer.headers["x-request-id"] == trace


def test_without_an_answer_of_a_service_there_is_a_trace_as_well(edge: Nginx) -> None:
    for path, status in (
        (f"/{AWAY}/api/v1/x", 502),
        ("/nowhere/api/v1/x", 404),
        ("/tasks/metrics", 404),
    ):
        answer = ask(edge.port, path, "POST")
        line = logged(edge, answer.json["trace_id"])
        assert (line["status"], line["path"], line["method"]) == (status, path, "POST")


def test_a_callers_trace_is_continued_and_a_broken_one_is_not(edge: Nginx) -> None:
    own = f"traceparent: 00-{TRACE}-b7ad6b7169203331-01"
    answer = ask(edge.port, "/tasks/x", "GET", own)
    assert answer.json["headers"]["traceparent"].startswith(f"00-{TRACE}-")
    assert "b7ad6b7169203331" not in answer.json["headers"]["traceparent"]
    assert logged(edge, TRACE)["path"] == "/tasks/x"
    for broken in (
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01",
        f"01-{TRACE}-b7ad6b7169203331-01",
        f'00-{TRACE}-b7ad6b7169203331-01","admin":"yes',
    ):
        answer = ask(edge.port, "/tasks/x", "GET", f"traceparent: {broken}")
        heard = answer.json["headers"]["traceparent"][3:35]
        assert heard not in (TRACE, "0" * 32)
        assert logged(edge, heard)["status"] == 200


def test_whatever_is_asked_the_log_stays_json(edge: Nginx) -> None:
    before = len(edge.access_log.read_bytes().splitlines())
    requests = [
        b'GET /tasks/"quoted"\\ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
        b"GET /tasks/\xff\xfe\xc3\xa9 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /tasks/%ff%22%0a%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /tasks/%22%0d%0a%7b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b'BREW"\xff / HTTP/1.1\r\nHost: a\r\n\r\n',
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\xff\xff\xff\r\n\r\n",
        b"GET /tasks/x\r\n",
        b"GET\r\n\r\n",
    ]
    for request in requests:
        say(edge.port, request)
    wait_for(
        lambda: len(edge.access_log.read_bytes().splitlines()) >= before + len(requests),
        "a line for each request",
    )
    lines(edge)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("/tasks/4539578763621486", "/tasks/****"),
        ("/tasks/4539-5787-6362-1486/close", "/tasks/****"),
        ("/tasks/4539%205787%206362%201486", "/tasks/****"),
        ("/tasks/x/4539+5787+6362+1486?a=1", "/tasks/x/****"),
        ("/tasks/4222-2222-2222-2", "/tasks/****"),
        ("/tasks/6304%200000%200000%200000%20000", "/tasks/****"),
        ("/tasks/3782-822463-10005/close", "/tasks/****"),
        ("/tasks/0192f3a4-1234-7123-8123-123456789012", None),
        ("/tasks/39585763-1234-7123-8123-123456789012", None),
        ("/tasks/1763692491123456784", None),
        ("/accounts/days/2026-11-21/close", None),
    ],
)
def test_no_card_number_in_an_address_is_logged(edge: Nginx, asked: str, told: str | None) -> None:
    answer = ask(edge.port, asked)
    trace = answer.json["headers"]["traceparent"][3:35]
    assert logged(edge, trace)["path"] == (told or asked)


def test_no_query_no_cookie_and_no_header_is_logged(edge: Nginx) -> None:
    answer = ask(
        edge.port,
        "/tasks/x?token=hush1&card=4111111111111111",
        "GET",
        "Cookie: popug_session=hush2",
        "Authorization: Bearer hush3",
        "Referer: http://a/?hush4",
        "User-Agent: hush5",
    )
    away = ask(edge.port, f"/{AWAY}/api/v1/x?token=hush6", "POST", body="hush7")
    logged(edge, answer.headers["x-request-id"])
    logged(edge, away.json["trace_id"])
    log = edge.access_log.read_text()
    assert "hush" not in log
    assert "4111" not in log

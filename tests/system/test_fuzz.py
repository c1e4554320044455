"""Hostile requests to every route: 4xx with a sentence, never 500, nothing secret in the log."""

import json
import re
import socket
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import urlsplit

import pytest
import requests

from tests.architecture.matrix import EVERY_SERVICE, LINES, Line
from tests.system.company import CARD, PASSWORD, Company
from tests.system.running import ADMIN, RunningPopug

EVERY_RULE = frozenset(route.partition(" ")[2] for route in EVERY_SERVICE)


def _cursor(content: bytes) -> bytes:
    return b"after=" + urlsafe_b64encode(content)


IDS = (
    *(b"%00", b"%ff%fe", b"%ed%a0%80", b"%2e%2e", b"..%2f..%2fx", b"a%0d%0aX:1", b"%F0%9F%98%80"),
    *(b"x" * 3_000, b"9" * 30, b"%3Cscript%3E", b"9999-12-31", b";x=1", b"'%20OR%201=1--"),
)
CURSORS = (
    *(_cursor(b'["\\ud800"]'), _cursor(b'["\\ud800",1]'), _cursor(b"[1e400]"), _cursor(b"[NaN]")),
    *(_cursor(b'["0000"]'), _cursor(b"[99999999999999999999]"), b"after=%ff"),
)
QUERIES = (
    *(b"limit=1e400", b"limit=" + b"9" * 30, b"limit=1&limit=2", b"ids=%00", b"%ff=%ff"),
    *(b"ids=" + b",".join([b"a"] * 10_000), b"q=%25_%5C%ff", b"q=" + b"x" * 10_000),
    *(b"date=9999-12-31", b"day=%D9%A2-01-01", b"from=0001-01-01&to=9999-12-31", b"from=x"),
    *(b"status=%ED%A0%80", b"user_id=" + b"x" * 10_000, b"assignee=%F0%9F%98%80", b"a" * 8_000),
)
BODIES = (
    *(b"{", b"[]", b"null", b"\xff\xfe{}", b'{"a":NaN}', b'{"a":1e400}', b'{"\\ud800":1}'),
    *(b'{"a":' + b"9" * 5_000 + b"}", b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
    b'{"title":"\\ud800","reason":"\\ud800","name":"\\ud800","card_number":"\\ud800"}',
    b'{"title":"\\ud800"}',
    b'{"title":"\\u0000"}',
    b'{"reason":"\\udfff"}',
    b'{"transaction_id":"\\ud800","reason":"why"}',
    b'{"assignee_id":"\\ud800"}',
    b'{"email":"\\ud800","password":"\\ud800\\ud800\\ud800\\ud800"}',
)
FORMS = (
    *(b"", b"title=%ff&title=x]", b"title=%00", b"reason=%ED%A0%80", b"reason=" + b"x" * 10_000),
    *(b"assignee_id=%00", b"email=%ED%A0%80&password=%ff", b"card_number=%ff", b"name=%00"),
    b"&".join(b"a%d=1" % number for number in range(3_000)),
)
HEADERS = (
    *(b"Idempotency-Key: \xff\xfe", b"Idempotency-Key: " + b"x" * 5_000),
    *(b"Authorization: Bearer \xff", b"Authorization: Bearer " + b"A" * 100_000),
    b"Authorization: Bearer " + urlsafe_b64encode(b"[" * 50_000) + b".e30.AA",
    b"Authorization: Bearer " + urlsafe_b64encode(b'{"alg":"Ed25519","kid":[{}]}') + b".e30.AA",
    b"Cookie: popug_session_PORT=\xff; popug_session_PORT",
    b"Cookie: popug_tasks_flash_PORT=.eJx.AA.BB",
    *(b"Accept-Language: \xff;q=x,en;q=1e400", b"traceparent: \xff", b"Origin: http://["),
    *(b"Range: bytes=9-x", b"If-None-Match: \xff", b"Content-Type: \xff", b"Referer: http://["),
    *(b"Content-Type: application/json; charset=no", b"Content-Type: multipart/form-data"),
    *(b"Host: a b", b"User-Agent: \xff", b"X-Forwarded-Prefix: //evil.test"),
)
PATHS = (
    *(b"//evil.test", b"/..", b"//auth/..", b"/auth/..;/tasks", b"/auth;x/login", b"/%74asks/"),
    *(b"/tasks//board", b"/\xff", b"/tasks/\xff", b"/%00", b"/%ED%A0%80", b"/" + b"a" * 60_000),
    *(b"/tasks/static/..%2fweb.py", b"/tasks/static/%00", b"/tasks/api", b"/tasks/api/v1/none"),
)


@dataclass(frozen=True)
class Answer:
    """What came back, and a label that says to what."""

    label: str
    status: int
    head: bytes
    body: bytes


@pytest.fixture(scope="module")
def popug(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPopug]:
    running = RunningPopug(tmp_path_factory.mktemp("fuzz"), POPUG_LOG_LEVEL="DEBUG")
    running.start()
    running.add_admin()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def company(popug: RunningPopug) -> Company:
    return Company(popug.url, workers=1)


def _ask(company: Company, method: str, path: bytes, body: bytes = b"", *more: bytes) -> Answer:
    """One request, byte by byte as given, by the admin unless it names somebody else."""
    where = urlsplit(company.url)
    more = tuple(line.replace(b"PORT", str(where.port).encode()) for line in more)
    lines = [method.encode() + b" " + path + b" HTTP/1.1", b"Connection: close", *more]
    names = {line.partition(b":")[0] for line in more}
    if b"Host" not in names:
        lines.append(b"Host: " + where.netloc.encode())
    if not names & {b"Cookie", b"Authorization"}:
        lines.append(b"Cookie: %s=%s" % (_cookie(company), _token(company)))
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    with socket.create_connection((where.hostname, where.port), timeout=20) as line:
        line.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        whole = b"".join(iter(lambda: line.recv(65_536), b""))
    head, _, rest = whole.partition(b"\r\n\r\n")
    label = f"{method} {path[:120]!r} {[m[:60] for m in more]} {body[:80]!r} {whole[:200]!r}"
    return Answer(label, int(head.split()[1]) if head else 0, head, rest)


def _cookie(company: Company) -> bytes:
    return f"popug_session_{urlsplit(company.url).port}".encode()


def _token(company: Company) -> bytes:
    return str(company.admin.session.cookies[_cookie(company).decode()]).encode()


def _is_civil(answer: Answer) -> None:
    """An answer of below 500, which says in a sentence what is wrong if something is."""
    assert 200 <= answer.status < 500, answer.label
    assert b"Traceback" not in answer.body, answer.label
    if answer.status < 400 or b"(generated by server)" in answer.body:
        return
    if b"application/problem+json" in answer.head:
        assert 10 < len(json.loads(answer.body)["detail"]) < 500, answer.label
    else:
        assert b'lang="en"' in answer.body, answer.label


def _path(line: Line, thing: bytes = b"01a1face-7677-72be-9e06-184ac7638c58") -> bytes:
    return re.sub(rb"<[^>]+>", lambda _: thing, str(line).partition(" ")[2].encode())


# Signing out and ending sessions would end the session that asks; what every service has
# is asked of one.
OPEN = [
    line
    for line in LINES
    if "logout" not in line.rule
    and "/end" not in line.rule
    and (line.rule not in EVERY_RULE or line.service == "tasks")
]
READS = [line for line in OPEN if line.method == "GET" and "static" not in line.rule]
WRITES = [line for line in OPEN if line.method != "GET"]
JSON = b"Content-Type: application/json"
FORM = b"Content-Type: application/x-www-form-urlencoded"


def test_ids_that_are_none(company: Company) -> None:
    for line in OPEN:
        if "<" in line.rule:
            body = (b"", b"") if line.method == "GET" else (b'{"reason":"why"}', JSON)
            for thing in IDS:
                _is_civil(_ask(company, line.method, _path(line, thing), *body))


def test_queries_that_make_no_sense(company: Company) -> None:
    for line, at_first in zip(READS, cycle(range(len(QUERIES))), strict=False):
        queries = (QUERIES[at_first:] + QUERIES)[:5]
        # A page of one thing has no pages.
        for query in queries if "<" in line.rule else (*queries, *CURSORS):
            _is_civil(_ask(company, "GET", _path(line) + b"?" + query))


def test_bodies_that_make_no_sense(company: Company) -> None:
    for line in WRITES:
        kind, bodies = (JSON, BODIES) if "/api/" in line.rule else (FORM, FORMS)
        for body in bodies:
            _is_civil(_ask(company, line.method, _path(line), body, kind))


def test_headers_that_make_no_sense(company: Company) -> None:
    for line, at_first in zip(OPEN, cycle(range(len(HEADERS))), strict=False):
        for header in (HEADERS[at_first:] + HEADERS)[:6]:
            body = b"" if line.method == "GET" else b"a"
            _is_civil(_ask(company, line.method, _path(line), body, header))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE", "MADEUP"])
def test_paths_that_lead_nowhere(method: str, company: Company) -> None:
    for path in PATHS:
        answer = _ask(company, method, path)
        assert 200 <= answer.status < 500, answer.label
        if method != "HEAD":
            _is_civil(answer)


def test_slow_clients_do_not_hold_up_others(company: Company) -> None:
    where = urlsplit(company.url)
    slow = [socket.create_connection((where.hostname, where.port)) for _ in range(200)]
    try:
        for line in slow:
            line.sendall(b"GET / HTTP/1.1\r\nHo")
        assert requests.get(f"{company.url}/tasks/healthz", timeout=10).status_code == 200
    finally:
        for line in slow:
            line.close()


def test_after_all_that_the_log_holds_no_failure_and_no_secret(
    company: Company, popug: RunningPopug
) -> None:
    company.admin.ask("PUT", "/billing/api/v1/cards/me", json={"card_number": CARD})
    company.admin.ask("POST", "/billing/card", data={"card_number": CARD})
    company.admin.ask("PUT", "/billing/api/v1/cards/me", json={"card_number": CARD + "1"})
    wrong = {"email": ADMIN[0], "password": "a wrong passphrase"}
    assert company.admin.ask("POST", "/auth/api/v1/login", json=wrong).status_code == 401
    assert company.admin.get("/auth/api/v1/users/me")["email"] == ADMIN[0]
    log = popug.log.read_text()
    assert "[debug" in log, "the log is to be as talkative as it can be"
    for failure in ("Traceback", "[error", "request failed"):
        assert failure not in log, log[log.index(failure) - 500 :][:3_000]
    for secret in (CARD, PASSWORD, ADMIN[1], wrong["password"], _token(company).decode()):
        assert secret not in log

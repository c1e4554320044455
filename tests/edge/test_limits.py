"""How much, how long and how often one may ask, and what an office may still do."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.edge.conftest import addresses
from tests.edge.mirror import Mirror, ask, read_answer, say
from tests.nginx import Nginx

SIGN_IN = ("/auth/login", "/auth/api/v1/login")
BURST = 61  # the rate's own and sixty more
PER_SECOND = 5
ASKED = 120


@pytest.fixture
def fresh(mirrors: dict[str, Mirror], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """An edge whose counters nobody has touched; not started."""
    nginx = Nginx(tmp_path_factory.mktemp("fresh"), addresses(mirrors))
    yield nginx
    nginx.stop()


def test_a_body_of_a_mebibyte_passes_and_a_larger_one_does_not(edge: Nginx) -> None:
    answer = ask(edge.port, "/tasks/x", "POST", body="x" * 1_048_576)
    assert (answer.status, answer.json["body"]) == (200, 1_048_576)
    assert ask(edge.port, "/tasks/x", "POST", body="x" * 1_048_577).status == 413
    chunks = "100000\r\n" + "x" * 1_048_576 + "\r\n1\r\nx\r\n0\r\n\r\n"
    chunked = say(
        edge.port,
        "POST /tasks/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        f"Transfer-Encoding: chunked\r\n\r\n{chunks}",
    )
    assert chunked and chunked.status == 413


def test_long_lines_and_many_headers_pass_up_to_the_limit(edge: Nginx) -> None:
    assert ask(edge.port, f"/tasks/{'x' * 8000}").status == 200
    assert ask(edge.port, "/tasks/x", "GET", f"Cookie: a={'x' * 8000}").status == 200
    many = [f"A{n}: b" for n in range(90)]
    assert ask(edge.port, "/tasks/x", "GET", *many).status == 200
    more = [f"A{n}: {'b' * 4000}" for n in range(9)]
    assert ask(edge.port, "/tasks/x", "GET", *more).status == 431


def test_who_sends_slowly_is_let_go(fresh: Nginx) -> None:
    """Headers have a time in all, a body between two parts of it; others are served."""
    fresh.edit("edge/server.conf", "client_header_timeout 15s", "client_header_timeout 1s")
    fresh.edit("edge/server.conf", "client_body_timeout 15s", "client_body_timeout 1s")
    fresh.start()
    head = b"POST /tasks/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n"
    slow = [_connection(fresh, head) for _ in range(50)]
    slow += [_connection(fresh, head + b"\r\nsome") for _ in range(50)]
    assert ask(fresh.port, "/tasks/x").status == 200
    _drip(slow[0])
    for connection in slow:
        with connection:
            answer = read_answer(connection)
            assert answer is None or answer.status == 408


def _connection(nginx: Nginx, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", nginx.port), 20)
    connection.sendall(sent)
    return connection


def _drip(connection: socket.socket) -> None:
    """A header line a moment, until the server hangs up; fails if it never does."""
    deadline = time.monotonic() + 15
    try:
        while time.monotonic() < deadline:
            connection.sendall(b"X: y\r\n")
            time.sleep(0.2)
    except OSError:
        return
    raise AssertionError("headers may be sent for ever")


@pytest.mark.parametrize("path", SIGN_IN)
def test_sixty_may_sign_in_at_once_and_then_five_a_second(fresh: Nginx, path: str) -> None:
    fresh.start()
    started = time.monotonic()
    with ThreadPoolExecutor(8) as clients:  # together quicker than what is allowed anew
        answers = list(
            clients.map(lambda _: ask(fresh.port, path, "POST", body="{}"), range(ASKED))
        )
    allowed = BURST + int(PER_SECOND * (time.monotonic() - started)) + 1
    passed = [a for a in answers if a.status == 200]
    refused = [a for a in answers if a.status == 429]
    assert BURST <= len(passed) <= allowed
    assert len(passed) + len(refused) == ASKED
    headers = refused[0].headers
    assert headers["retry-after"] == "5"
    if "api" in path:
        assert headers["content-type"] == "application/problem+json"
        assert refused[0].json["status"] == 429
    else:
        assert "Подождите".encode() in refused[0].body


def test_the_limit_on_sign_in_cannot_be_walked_around(
    fresh: Nginx, mirrors: dict[str, Mirror]
) -> None:
    fresh.edit("popug.conf", "rate=5r/s", "rate=1r/m")
    fresh.start()
    for number in range(BURST + 10):
        ask(fresh.port, SIGN_IN[number % 2], "POST", body="{}")
    asked = mirrors["auth"].asked
    asked.clear()
    for path in (
        "/auth/login",
        "/auth/login?next=/x",
        "/auth//login",
        "//auth/login",
        "/auth/./login",
        "/auth/%2e/login",
        "/auth/x/../login",
        "/tasks/../auth/login",
        "/auth/%6Cogin",
        "/%61uth/login",
        "/auth%2Flogin",
        "/auth/api/v1/login",
        "/auth/api//v1/login",
        "/auth/api/v1/%6c%6f%67%69%6e",
        "/auth/api/./v1/login",
        "/auth/api/v1/x/../login",
        "http://elsewhere.test/auth/login",
        "/auth/login#x",
    ):
        status = ask(fresh.port, path, "POST", body="{}").status
        assert status in (400, 404, 429), f"{path}: {status}"
    assert asked == []
    for path in ("/auth/login/", "/auth/LOGIN", "/auth/login;x", "/AUTH/login", "/auth/login%20"):
        ask(fresh.port, path, "POST", body="{}")
    assert not {line.removeprefix("POST ") for line in asked} & {"/login", "/api/v1/login"}
    chunked = "POST /auth/login HTTP/1.0\r\nHost: other\r\nContent-Length: 2\r\n\r\n{}"
    answer = say(fresh.port, chunked)
    assert answer and answer.status == 429
    forged = ask(
        fresh.port, "/auth/login", "POST", "X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6"
    )
    assert forged.status == 429


def test_looking_at_the_form_is_not_limited(edge: Nginx) -> None:
    assert {ask(edge.port, "/auth/login").status for _ in range(80)} == {200}


def test_nothing_else_is_limited_by_the_second(edge: Nginx) -> None:
    answers = [ask(edge.port, "/tasks/api/v1/tasks", "POST", body="{}") for _ in range(300)]
    assert {a.status for a in answers} == {200}


def test_one_address_may_have_256_requests_in_the_making(fresh: Nginx) -> None:
    """Half-sent bodies count, for their heads are read; idle connections do not."""
    fresh.start()
    head = b"POST /tasks/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
    idle = [socket.create_connection(("127.0.0.1", fresh.port), 30) for _ in range(300)]
    open_ones = [_connection(fresh, head + b"{") for _ in range(256)]
    _until_counted(fresh)
    refused = ask(fresh.port, "/tasks/api/v1/tasks")
    assert (refused.status, refused.json["status"]) == (429, 429)
    assert refused.headers["retry-after"] == "5"
    for connection in open_ones:
        connection.sendall(b"}")
    for connection in open_ones:
        with connection:
            answer = read_answer(connection)
            assert answer and answer.status == 200
    assert ask(fresh.port, "/tasks/x").status == 200
    for connection in idle:
        connection.close()


def _until_counted(nginx: Nginx) -> None:
    deadline = time.monotonic() + 20
    while ask(nginx.port, "/tasks/x").status != 429:
        assert time.monotonic() < deadline, "256 requests at once are not noticed"


def test_an_office_of_a_hundred_opens_its_pages_at_once(edge: Nginx) -> None:
    statuses: list[int] = []

    def open_page() -> None:
        statuses.extend(ask(edge.port, path).status for path in ("/tasks/", "/tasks/static/x.css"))

    people = [threading.Thread(target=open_page) for _ in range(100)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert statuses == [200] * 200


def test_long_answers_are_packed_and_short_ones_are_not(edge: Nginx) -> None:
    packed = ask(edge.port, "/tasks/long", "GET", "Accept-Encoding: gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert len(packed.body) < 1000
    assert "content-encoding" not in ask(edge.port, "/tasks/long").headers
    short = ask(edge.port, "/tasks/x", "GET", "Accept-Encoding: gzip")
    assert "content-encoding" not in short.headers

"""What nginx adds: routes, what stays inside, limits, and one trace id in its log."""

import http.client
import json
import re
import socket
from collections.abc import Iterator

import pytest
import requests

from tests.system.running import ADMIN, Person
from tests.system.split import SplitPopug, why_not
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SplitPopug]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    system = SplitPopug(tmp_path_factory.mktemp("edge"))
    system.start()
    system.add_admin()
    yield system
    system.stop()


def raw(system: SplitPopug, path: str) -> tuple[int, dict[str, str]]:
    """Ask for a path as it is written, which a polite client would tidy first."""
    host = system.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}


def test_the_front_door_leads_home_and_prefixes_are_kept(split: SplitPopug) -> None:
    assert raw(split, "/")[1]["location"] == "/tasks/"
    assert raw(split, "/tasks")[1]["location"] == "/tasks/"
    status, headers = raw(split, "/tasks/board?status=open")
    assert status == 302
    assert headers["location"] == "/auth/login?next=%2Ftasks%2Fboard%3Fstatus%3Dopen"
    for path in ("/status", "/tasks/status"):
        assert raw(split, path)[1]["location"] == "/auth/login?next=%2Fstatus"
    page = requests.get(f"{split.url}/auth/login", timeout=30)
    assert page.status_code == 200
    (style,) = re.findall(r'"(/auth/static/popug.css\?v=\w+)"', page.text)
    kept = requests.get(split.url + style, timeout=30)
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert kept.headers["Content-Encoding"] == "gzip"


def test_what_is_for_machines_inside_is_not_reachable(split: SplitPopug) -> None:
    for what in ("metrics", "readyz", "statusz"):
        for path in (
            f"/tasks/{what}",
            f"//tasks/{what}",
            f"/tasks//{what}",
            f"/tasks/../tasks/{what}",
            f"/auth/../tasks/{what}",
            f"/tasks/%2e%2e/tasks/{what}",
            f"/tasks/./{what}",
            f"/tasks/%{ord(what[0]):02x}{what[1:]}",
        ):
            assert raw(split, path)[0] in (301, 302, 308, 400, 404), path


def test_every_answer_has_its_headers_whatever_its_status(split: SplitPopug) -> None:
    for path in ("/nowhere", "/tasks/metrics", "/tasks/", "/tasks/api/v1/tasks", "/auth/login"):
        assert raw(split, path)[1]["x-content-type-options"] == "nosniff", path


def test_what_gunicorn_would_answer_in_its_own_words_is_answered_in_ours(
    split: SplitPopug,
) -> None:
    many = {f"A{number}": "b" for number in range(500)}
    answer = requests.get(f"{split.url}/tasks/api/v1/tasks", headers=many, timeout=30)
    assert answer.status_code == 401
    for path in (f"/tasks/{'x' * 7900}", "/tasks/" + "%C3%A9" * 1300):
        assert raw(split, path)[0] in (302, 404), path[:20]
    odd = raw_lines(split, b"GET /tasks/api/v1/" + b"\xe9" * 3000 + b" HTTP/1.1")
    assert b"gunicorn" not in odd and b"application/problem+json" in odd


def raw_lines(system: SplitPopug, line: bytes) -> bytes:
    """The whole answer to a request line as it is."""
    with socket.create_connection(("127.0.0.1", system.edge.port), 30) as connection:
        connection.sendall(line + b"\r\nHost: a\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_a_forged_address_does_not_free_a_guesser(split: SplitPopug) -> None:
    """Wrong passwords are counted by the address that nginx saw."""
    body = {"email": "forger@popug.test", "password": "wrong"}
    statuses = [
        requests.post(
            f"{split.url}/auth/api/v1/login",
            json=body,
            headers={"X-Forwarded-For": f"10.0.0.{number}"},
            timeout=30,
        ).status_code
        for number in range(11)
    ]
    assert statuses == [401] * 10 + [429]


def test_a_forged_address_or_prefix_does_not_come_through(split: SplitPopug) -> None:
    forged = {"X-Forwarded-Prefix": "/evil", "X-Forwarded-Host": "evil.test"}
    answer = requests.get(
        f"{split.url}/tasks/board", headers=forged, timeout=30, allow_redirects=False
    )
    assert "evil" not in answer.headers["Location"]


def test_the_status_page_shows_all_six_as_alive(split: SplitPopug) -> None:
    admin = Person(split.url, *ADMIN)

    def all_answer() -> bool:
        page = admin.ask("GET", "/status")
        assert page.status_code == 200
        return "does not answer" not in page.text

    wait_for(all_answer, "an answer of each within a person's patience")


def test_the_access_log_carries_the_trace_id_of_the_answer(split: SplitPopug) -> None:
    trace = requests.get(f"{split.url}/tasks/healthz", timeout=30).headers["X-Request-Id"]
    log = split.edge.access_log

    def logged() -> bool:
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        return any(line["trace_id"] == trace for line in lines)

    wait_for(logged, "the request in the access log")


def test_passwords_cannot_be_guessed_quickly_from_one_address(split: SplitPopug) -> None:
    body = {"email": "nobody@popug.test", "password": "wrong"}
    statuses = [
        requests.post(f"{split.url}/auth/api/v1/login", json=body, timeout=30).status_code
        for _ in range(15)
    ]
    assert set(statuses) == {401, 429}

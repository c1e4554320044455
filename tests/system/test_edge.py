"""What nginx adds: routes, what stays inside, limits, and one trace id in its log."""

import http.client
import json
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
    page = requests.get(f"{split.url}/auth/login", timeout=30)
    assert page.status_code == 200
    assert "/auth/static/popug.css" in page.text
    assert requests.get(f"{split.url}/auth/static/popug.css", timeout=30).status_code == 200


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


def test_too_large_a_body_is_refused_at_the_edge(split: SplitPopug) -> None:
    answer = requests.post(f"{split.url}/tasks/api/v1/tasks", data=b"x" * 2_000_000, timeout=30)
    assert answer.status_code == 413


def test_a_forged_address_or_prefix_does_not_come_through(split: SplitPopug) -> None:
    forged = {"X-Forwarded-Prefix": "/evil", "X-Forwarded-Host": "evil.test"}
    answer = requests.get(
        f"{split.url}/tasks/board", headers=forged, timeout=30, allow_redirects=False
    )
    assert "evil" not in answer.headers["Location"]


def test_the_status_page_shows_all_six_as_alive(split: SplitPopug) -> None:
    admin = Person(split.url, *ADMIN)
    page = admin.ask("GET", "/status")
    assert page.status_code == 200
    assert "does not answer" not in page.text


def test_the_access_log_carries_the_trace_id_of_the_answer(split: SplitPopug) -> None:
    trace = requests.get(f"{split.url}/tasks/healthz", timeout=30).headers["X-Request-Id"]
    log = split.folder / "access.log"

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

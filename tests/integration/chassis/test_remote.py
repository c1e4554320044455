"""Asking other services: with the caller's identity, and without hanging on them."""

from collections.abc import Mapping
from typing import Any

import pytest

from chassis.remote import Remote, RemoteAway, RemoteRefused
from tests.support import Workbench


class Answering:
    """A transport that answers what a test says, and writes down what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], dict[str, str]]] = []
        self.status = 200
        self.content: Any = {"items": [], "next": None}
        self.away = False

    def get(
        self, service: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        self.asked.append((service, path, dict(params), dict(headers)))
        if self.away:
            raise RemoteAway("no answer")
        content = self.content(params) if callable(self.content) else self.content
        return self.status, content


@pytest.fixture
def transport() -> Answering:
    return Answering()


@pytest.fixture
def remote(transport: Answering) -> Remote:
    return Remote(transport, lambda: "own-token")


def test_outside_a_request_a_service_asks_for_itself(remote: Remote, transport: Answering) -> None:
    remote.get("auth", "/api/v1/users", candidates="true")
    ((service, path, params, headers),) = transport.asked
    assert (service, path, params) == ("auth", "/api/v1/users", {"candidates": "true"})
    assert headers["Authorization"] == "Bearer own-token"
    assert headers["traceparent"].startswith("00-")


def test_who_did_not_answer_is_left_alone_for_a_moment(
    remote: Remote, transport: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.remote.REST_SECONDS", 60)
    transport.away = True
    for _ in range(5):
        with pytest.raises(RemoteAway):
            remote.get("auth", "/x")
    assert len(transport.asked) == 1
    transport.away = False
    remote.get("tasks", "/x")
    monkeypatch.setattr("chassis.remote.time.monotonic", lambda: float("inf"))
    remote.get("auth", "/x")
    assert len(transport.asked) == 3


@pytest.mark.parametrize(("status", "content"), [(500, {}), (503, {"detail": "x"}), (200, None)])
def test_a_broken_answer_is_none(
    status: int, content: Any, remote: Remote, transport: Answering
) -> None:
    transport.status, transport.content = status, content
    with pytest.raises(RemoteAway):
        remote.get("auth", "/x")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_no_is_told_apart_from_no_answer(
    status: int, remote: Remote, transport: Answering
) -> None:
    transport.status, transport.content = status, {"detail": "No such thing."}
    with pytest.raises(RemoteRefused, match="No such thing") as refused:
        remote.get("auth", "/x")
    assert refused.value.status == status


def test_a_list_is_followed_to_its_end(remote: Remote, transport: Answering) -> None:
    pages = {None: ([1, 2], "b"), "b": ([3], "c"), "c": ([], None)}
    transport.content = lambda params: dict(
        zip(("items", "next"), pages[params.get("after")], strict=True)
    )
    assert remote.items("auth", "/api/v1/users") == [1, 2, 3]
    assert [asked[2].get("after") for asked in transport.asked] == [None, "b", "c"]


def _users(params: Mapping[str, str]) -> dict[str, Any]:
    ids = [i for i in params["ids"].split(",") if i != "gone"]
    return {"items": [{"id": i, "name": f"Name {i}"} for i in ids], "next": None}


def test_labels_are_asked_once_and_remembered(remote: Remote, transport: Answering) -> None:
    transport.content = _users
    wanted = ["b", "a", "a", "gone", ""]
    for _ in range(2):
        found = remote.labels("auth", "/api/v1/users", wanted, "name")
        assert found == {"a": "Name a", "b": "Name b"}
    assert [asked[2]["ids"] for asked in transport.asked] == ["a,b,gone", "gone"]


def test_many_labels_are_asked_in_pieces(remote: Remote, transport: Answering) -> None:
    transport.content = _users
    found = remote.labels("auth", "/api/v1/users", [f"u{i}" for i in range(250)], "name")
    assert len(found) == 250
    assert len(transport.asked) == 3


@pytest.mark.parametrize("trouble", ["away", "refused", "broken"])
def test_labels_never_fail(trouble: str, remote: Remote, transport: Answering) -> None:
    transport.away = trouble == "away"
    transport.status = {"refused": 403, "broken": 500}.get(trouble, 200)
    transport.content = {"detail": "no"}
    assert remote.labels("auth", "/api/v1/users", ["a"], "name") == {}


def test_labels_survive_an_answer_of_another_shape(remote: Remote, transport: Answering) -> None:
    shapes: list[Any] = [{}, [], {"items": None}, {"items": [{}]}, {"items": [{"id": "a"}]}]
    for content in shapes:
        transport.content = content
        assert remote.labels("auth", "/api/v1/users", ["a"], "name") == {}


def test_nobody_is_asked_inside_a_write_transaction(bench: Workbench) -> None:
    runtime = bench.runtime()
    with runtime.database.transaction(), pytest.raises(RuntimeError, match="write transaction"):
        runtime.remote.get("auth", "/api/v1/users")
    assert bench.fakes["auth"].asked == []


def test_in_a_request_the_person_who_asks_goes_along(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = Answering()
    transport.content = _users
    monkeypatch.setattr(bench.runtime().remote, "_transport", transport)
    answer = bench.client("worker", "u7").get("/counter/labels")
    assert answer.json == {"u1": "Name u1", "u2": "Name u2"}
    token = transport.asked[0][3]["Authorization"].removeprefix("Bearer ")
    assert bench.runtime().verifier.verify(token, bench.clock.now()).user_id == "u7"


def test_a_service_that_is_away_in_this_process_is_away_like_any_other(bench: Workbench) -> None:
    remote = bench.runtime().remote
    bench.fakes["auth"].away = True
    with pytest.raises(RemoteAway):
        remote.get("auth", "/api/v1/users")
    del bench.embedded.apps["tasks"]
    with pytest.raises(RemoteAway):
        remote.get("tasks", "/api/v1/tasks")

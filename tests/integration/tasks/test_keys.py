"""Idempotency keys: what is sent twice takes effect once."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.integration.tasks.company import API, Company, at_once, company
from tests.support import Workbench


@pytest.fixture
def popug(workbench: Callable[..., Workbench]) -> Company:
    return company(workbench)


def test_the_same_key_and_body_give_the_same_task_again(popug: Company) -> None:
    ann = popug.worker("ann")
    body, headers = {"title": "Paint"}, {"Idempotency-Key": "k 1"}
    first = ann.post(f"{API}/tasks", json=body, headers=headers)
    popug.auth.away = True
    popug.bench.clock.advance(minutes=30)
    again = ann.post(f"{API}/tasks", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert len(popug.said()) == 1


def test_a_key_does_not_stand_for_another_request(popug: Company) -> None:
    manager = popug.manager()
    headers = {"Idempotency-Key": "k1"}
    assert manager.post(f"{API}/tasks", json={"title": "A"}, headers=headers).status_code == 201
    other = manager.post(f"{API}/tasks", json={"title": "B"}, headers=headers)
    assert other.status_code == 422
    assert "take a new one" in (other.json or {})["detail"]
    assert manager.post(f"{API}/shuffles", headers=headers).status_code == 422
    assert len(popug.tasks()) == 1


def test_a_key_belongs_to_one_person(popug: Company) -> None:
    for who in ("ann", "bob"):
        popug.worker(who).post(
            f"{API}/tasks", json={"title": "A"}, headers={"Idempotency-Key": "k1"}
        )
    assert len(popug.tasks()) == 2


@pytest.mark.parametrize("key", ["", "x" * 101, "\u00e9", "a\tb"])
def test_what_is_no_key_is_refused(popug: Company, key: str) -> None:
    answer = popug.worker("ann").post(
        f"{API}/tasks", json={"title": "A"}, headers={"Idempotency-Key": key}
    )
    assert answer.status_code == 422
    assert popug.tasks() == []


def test_a_failed_request_does_not_use_its_key_up(popug: Company) -> None:
    popug.people_are()
    ann, headers = popug.worker("ann"), {"Idempotency-Key": "k1"}
    assert ann.post(f"{API}/tasks", json={"title": "A"}, headers=headers).status_code == 409
    popug.people_are("bob")
    assert ann.post(f"{API}/tasks", json={"title": "A"}, headers=headers).status_code == 201


def test_eight_clients_with_one_key_make_one_task(popug: Company) -> None:
    clients = [popug.worker("ann") for _ in range(8)]
    headers = {"Idempotency-Key": "k1"}
    answers = at_once(
        [
            lambda c=client: c.post(f"{API}/tasks", json={"title": "A"}, headers=headers)  # type: ignore[misc]
            for client in clients
        ]
    )
    assert Counter(a.status_code for a in answers) == {201: 8}
    assert len({(a.json or {})["id"] for a in answers}) == 1
    assert len(popug.said()) == 1


def test_a_form_that_is_sent_twice_makes_one_task(popug: Company) -> None:
    ann = popug.worker("ann")
    for _ in range(2):
        answer = ann.post("/tasks/", data={"title": "Paint", "once": "token"})
        assert answer.status_code == 303
    assert len(popug.tasks()) == 1
    # Who goes back, changes the title and sends the same form means another task.
    ann.post("/tasks/", data={"title": "Paint more", "once": "token"})
    ann.post("/tasks/", data={"title": "Paint", "once": "next token"})
    assert len(popug.tasks()) == 3


def test_a_shuffle_is_started_once_per_key(popug: Company) -> None:
    first = popug.shuffle(**{"Idempotency-Key": "k1"})
    assert popug.shuffle(**{"Idempotency-Key": "k1"}) == first
    assert popug.shuffle()["id"] != first["id"]

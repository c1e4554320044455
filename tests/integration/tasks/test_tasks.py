"""Making, closing, reassigning and listing tasks over the API (rules 1 to 4 and 6)."""

from collections import Counter
from collections.abc import Callable

import pytest

import tasks
from chassis import outbox
from chassis.migrations import differences
from tests.integration.tasks.company import API, Company, at_once, company
from tests.support import Workbench


@pytest.fixture
def popug(workbench: Callable[..., Workbench]) -> Company:
    return company(workbench)


def test_the_migrated_tables_are_the_declared_ones(popug: Company) -> None:
    database = popug.runtime.database
    assert differences(database, tasks.service.metadata, outbox.metadata) == []


def test_a_new_task_has_an_assignee_and_prices_and_is_told_to_the_others(popug: Company) -> None:
    made = popug.create("[POPUG-42] Paint the cage")
    assert list(made) == [
        *("id", "jira_id", "title", "description", "status"),
        *("assignee_id", "fee", "reward", "created_at", "closed_at"),
    ]
    assert (made["jira_id"], made["title"]) == ("POPUG-42", "Paint the cage")
    assert (made["status"], made["description"], made["closed_at"]) == ("open", "", None)
    assert made["created_at"] == "2026-03-10T12:00:00Z"
    assert made["fee"] in range(1000, 2001, 100)
    assert made["reward"] in range(2000, 4001, 100)
    (event,) = popug.said()
    assert event.task_id == made["id"]
    assert event.assignee_id == made["assignee_id"]
    assert (event.fee, event.reward) == (made["fee"], made["reward"])
    assert popug.assigned("created") == [event]


def test_tasks_land_on_every_candidate_whoever_asks(popug: Company) -> None:
    landed = Counter(popug.create(by="ann")["assignee_id"] for _ in range(60))
    assert set(landed) == {"ann", "bob", "cid"}  # a miss has a chance of 3 * (2/3)**60


def test_without_candidates_nothing_is_stored(popug: Company) -> None:
    popug.people_are()
    answer = popug.worker("ann").post(f"{API}/tasks", json={"title": "Paint"})
    assert answer.status_code == 409
    assert "Ask an admin to add some" in (answer.json or {})["detail"]
    assert popug.tasks() == []
    assert popug.said() == []


def test_who_was_called_off_gets_no_task_though_auth_still_lists_him(popug: Company) -> None:
    popug.hear("ann", active=False)
    popug.hear("bob", role="manager")
    assert {popug.create(by="dan")["assignee_id"] for _ in range(20)} == {"cid"}
    popug.hear("cid", role="admin")
    assert popug.worker("dan").post(f"{API}/tasks", json={"title": "x"}).status_code == 409


def test_who_came_back_gets_tasks_again(popug: Company) -> None:
    popug.people_are("ann")
    popug.hear("ann", active=False, epoch=1)
    popug.hear("ann", role="accountant", epoch=2)
    assert popug.create(by="bob")["assignee_id"] == "ann"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"title": ""}, "Give the task a title"),
        ({"title": "x" * 10_000}, "at most 200 characters"),
        ({"title": "Paint [it]"}, "[POPUG-42] Paint the cage"),
        ({"title": "a\x00b"}, "no text"),
        ({"title": "\ud800 x"}, ""),
        ({"title": "Paint", "description": "x" * 5_001}, "at most 5000 characters"),
        ({"title": 7}, "title"),
        ({"title": None}, "title"),
        ({}, "title"),
        ({"title": "Paint", "fee": 0}, "fee"),
        ({"title": "Paint", "description": ["x"]}, "description"),
    ],
)
def test_what_is_no_task_is_refused_with_a_sentence(
    popug: Company, body: dict[str, object], says: str
) -> None:
    answer = popug.worker("ann").post(f"{API}/tasks", json=body)
    assert answer.status_code == 422
    assert says in (answer.json or {})["detail"]
    assert popug.said() == []


def test_a_missing_description_may_be_null(popug: Company) -> None:
    body = {"title": "Paint", "description": None}
    answer = popug.worker("ann").post(f"{API}/tasks", json=body)
    assert (answer.json or {})["description"] == ""


def test_the_assignee_closes_his_task_once(popug: Company) -> None:
    made = popug.create()
    holder = made["assignee_id"]
    popug.bench.clock.advance(hours=1)
    answer = popug.close(made["id"], holder)
    assert answer.status_code == 200
    assert answer.json == {**made, "status": "closed", "closed_at": "2026-03-10T13:00:00Z"}
    (event,) = popug.closed()
    assert (event.task_id, event.assignee_id) == (made["id"], holder)
    assert (event.fee, event.reward) == (made["fee"], made["reward"])
    assert popug.close(made["id"], holder).status_code == 409
    assert len(popug.closed()) == 1


def test_a_stranger_may_not_close_and_hears_who_may(popug: Company) -> None:
    popug.people_are("ann")
    made = popug.create()
    answer = popug.close(made["id"], "bob")
    assert answer.status_code == 403
    assert (answer.json or {})["holder_id"] == "ann"
    assert "Popug ann" in (answer.json or {})["detail"]
    assert popug.close("no-such-task", "bob").status_code == 404


def test_who_lost_his_task_hears_who_holds_it_now(popug: Company) -> None:
    popug.people_are("ann", "bob")
    popug.people_are("ann")
    made = popug.create()
    popug.people_are("ann", "bob")
    assert popug.reassign(made["id"], "bob").status_code == 200
    answer = popug.close(made["id"], "ann")
    assert answer.status_code == 409
    assert (answer.json or {})["holder_id"] == "bob"
    popug.auth.away = True
    assert popug.close(made["id"], "ann").status_code == 409
    assert popug.close(made["id"], "bob").status_code == 200


def test_of_sixteen_clients_one_closes_the_task(popug: Company) -> None:
    popug.people_are("ann")
    made = popug.create()
    codes = [
        answer.status_code
        for answer in at_once([lambda: popug.close(made["id"], "ann") for _ in range(16)])
    ]
    assert Counter(codes) == {200: 1, 409: 15}
    assert len(popug.closed()) == 1


def test_of_many_people_only_the_holder_closes_the_task(popug: Company) -> None:
    made = popug.create()
    people = ["ann", "bob", "cid", "dan"] * 4
    answers = at_once([lambda by=by: popug.close(made["id"], by) for by in people])  # type: ignore[misc]
    assert Counter(a.status_code for a in answers) == {200: 1, 409: 3, 403: 12}
    assert len(popug.closed()) == 1


def test_reassignment_is_a_new_assignment_at_the_old_prices(popug: Company) -> None:
    made = popug.create()
    to = next(p for p in ("ann", "bob") if p != made["assignee_id"])
    answer = popug.reassign(made["id"], to)
    assert answer.json == {**made, "assignee_id": to}
    first, second = popug.assigned()
    assert second.reason == "reassigned"
    assert second.assignment_id != first.assignment_id
    assert (second.assignee_id, second.fee, second.reward) == (to, made["fee"], made["reward"])


def test_reassignment_without_a_name_draws_one(popug: Company) -> None:
    made = popug.create()
    path = f"{API}/tasks/{made['id']}/reassign"
    manager = popug.manager()
    assert manager.post(path).status_code == 200
    assert manager.post(path, json={}).status_code == 200
    form = "application/x-www-form-urlencoded"
    assert manager.post(path, data=b"", content_type=form).status_code == 200
    landed = {(popug.reassign(made["id"]).json or {})["assignee_id"] for _ in range(40)}
    assert landed == {"ann", "bob", "cid"}
    assert len(popug.assigned("reassigned")) == 43


def test_nobody_but_a_candidate_can_be_named(popug: Company) -> None:
    made = popug.create()
    popug.hear("cid", active=False)
    for wrong in ("nobody", "cid", "x" * 10_000, "я", "\x00"):
        assert popug.reassign(made["id"], wrong).status_code == 422
    assert len(popug.assigned()) == 1


def test_a_closed_task_is_not_reassigned(popug: Company) -> None:
    made = popug.create()
    popug.close(made["id"], made["assignee_id"])
    assert popug.reassign(made["id"], "ann").status_code == 409
    assert popug.reassign("no-such-task", "ann").status_code == 404


def test_closing_and_reassigning_at_once_has_one_winner(popug: Company) -> None:
    popug.people_are("ann")
    made = [popug.create()["id"] for _ in range(12)]
    popug.people_are("ann", "bob")
    calls = [lambda i=i: popug.close(i, "ann") for i in made]
    calls += [lambda i=i: popug.reassign(i, "bob") for i in made]
    answers = at_once(calls)
    closes, moves = answers[:12], answers[12:]
    for task_id, close, move in zip(made, closes, moves, strict=True):
        assert sorted((close.status_code, move.status_code)) == [200, 409]
        now = popug.task(task_id)
        closed = close.status_code == 200
        assert (now["status"], now["assignee_id"]) == (
            ("closed", "ann") if closed else ("open", "bob")
        )
    assert len(popug.closed()) + len(popug.assigned("reassigned")) == 12


def test_lists_are_newest_first_and_paged_without_gaps(popug: Company) -> None:
    made = [popug.create(f"Task {i}")["id"] for i in range(7)]
    seen, after = [], None
    while True:
        query = {"limit": 3} | ({"after": after} if after else {})
        page = popug.manager().get(f"{API}/tasks", query_string=query).json or {}
        seen += [task["id"] for task in page["items"]]
        after = page["next"]
        if not after:
            break
    assert seen == made[::-1]


def test_lists_show_what_is_asked_for(popug: Company) -> None:
    popug.people_are("ann")
    cage = popug.create("[POPUG-42] Paint the Cage")["id"]
    sale = popug.create("100% sale_now")["id"]
    cyrillic = popug.create("Покрасить Клетку")["id"]
    popug.close(sale, "ann")

    def ids(**query: str) -> list[str]:
        return [task["id"] for task in popug.tasks(**query)]

    assert ids(status="open") == [cyrillic, cage]
    assert ids(status="closed") == [sale]
    assert ids(q="CAGE") == [cage]
    assert ids(q="КЛЕТКУ") == [cyrillic]
    assert ids(q="popug-42") == [cage]
    assert ids(q="popug-4") == []
    assert ids(q="0%") == [sale]
    assert ids(q="_") == [sale]
    assert ids(q="%") == [sale]
    assert ids(q="/") == []
    assert ids(q="  ") == [cyrillic, sale, cage]
    assert ids(assignee="ann") == [cyrillic, sale, cage]
    assert ids(assignee="bob") == []
    assert ids(assignee="me") == []
    assert ids(ids=f"{cage},nobody,{sale}") == [sale, cage]
    assert ids(ids="") == []
    mine = popug.worker("ann").get(f"{API}/tasks?assignee=me&status=open").json or {}
    assert [task["id"] for task in mine["items"]] == [cyrillic, cage]


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=201", "limit=x", "limit=1&limit=2", "status=gone", "after=zz"),
        *("nonsense=1", "q=" + "x" * 201, "ids=" + "a," * 200, "after=WzFd&after=WzFd"),
        "after=W10",  # []
        "after=WzkyMjMzNzIwMzY4NTQ3NzU4MDhd",  # [2**63]
    ],
)
def test_a_list_that_cannot_be_asked_for_is_refused(popug: Company, query: str) -> None:
    answer = popug.manager().get(f"{API}/tasks?{query}")
    assert answer.status_code == 422
    assert (answer.json or {})["detail"]


def test_ids_of_any_shape_are_simply_not_found(popug: Company) -> None:
    for wrong in ("x" * 5_000, "я", "%2e%2e", "a b", "'; drop table tasks; --", "%F0%9F%A6%9C"):
        for path in (f"{API}/tasks/{wrong}", f"{API}/shuffles/{wrong}", f"/tasks/{wrong}"):
            assert popug.manager().get(path).status_code == 404, path
        assert popug.tasks(assignee=wrong) == []
        assert popug.tasks(ids=wrong) == []


def test_other_services_may_ask_for_tasks_but_not_change_them(popug: Company) -> None:
    made = popug.create()
    asking = popug.bench.client()
    headers = popug.bench.as_service("accounts")
    assert asking.get(f"{API}/tasks?ids={made['id']}", headers=headers).status_code == 200
    assert asking.get(f"{API}/tasks/{made['id']}", headers=headers).json == made
    assert asking.post(f"{API}/tasks", json={"title": "x"}, headers=headers).status_code == 403
    assert asking.get(f"{API}/tasks").status_code == 401


def test_only_managers_and_admins_reassign_and_shuffle(popug: Company) -> None:
    made = popug.create()
    shuffle = popug.shuffle()
    for role, expected in (("worker", 403), ("accountant", 403), ("manager", 0), ("admin", 0)):
        client = popug.bench.client(role)
        for method, path in (
            ("POST", f"{API}/tasks/{made['id']}/reassign"),
            ("POST", f"{API}/shuffles"),
            ("GET", f"{API}/shuffles/{shuffle['id']}"),
            ("GET", "/tasks/shuffles/new"),
            ("GET", f"/tasks/shuffles/{shuffle['id']}"),
            ("POST", "/tasks/shuffles"),
            ("POST", "/tasks/hand-over"),
            ("POST", f"/tasks/{made['id']}/reassign"),
        ):
            code = client.open(path, method=method).status_code
            assert code == expected or (not expected and code in (200, 202, 303)), (role, path)

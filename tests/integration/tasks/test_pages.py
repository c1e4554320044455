"""The pages of tasks, as people see them."""

import re
from collections.abc import Callable

import pytest

from tasks import facts
from tests.integration.tasks.company import Company, company
from tests.support import Workbench


@pytest.fixture
def popug(workbench: Callable[..., Workbench]) -> Company:
    return company(workbench, "ann")


def token_in(page: str) -> str:
    found = re.search(r'name="once"[^>]*value="([^"]+)"', page)
    assert found
    return found[1]


def test_every_page_shows_for_every_role(popug: Company) -> None:
    made = popug.create("[POPUG-42] Paint the <cage>")
    for role in ("worker", "accountant", "manager", "admin"):
        client = popug.bench.client(role)
        for path in ("/tasks/", "/tasks/board", f"/tasks/{made['id']}"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert "<cage>" not in answer.text


def test_who_is_not_signed_in_goes_to_the_login_page_and_comes_back(popug: Company) -> None:
    answer = popug.bench.client().get("/tasks/board?q=cage")
    assert answer.status_code == 302
    assert answer.location == "/auth/login?next=%2Ftasks%2Fboard%3Fq%3Dcage"


def test_a_task_is_made_with_the_form_and_its_holder_is_told(popug: Company) -> None:
    ann = popug.worker("ann")
    form = {"title": "[POPUG-42] Paint", "description": "Green.\r\nTwice."}
    form["once"] = token_in(ann.get("/tasks/").text)
    answer = ann.post("/tasks/", data=form, follow_redirects=True)
    assert "Created: Paint. It landed on: Popug ann." in answer.text
    (task,) = popug.tasks()
    assert (task["jira_id"], task["description"]) == ("POPUG-42", "Green.\nTwice.")


def test_a_form_that_is_wrong_comes_back_with_the_reason_and_what_was_written(
    popug: Company,
) -> None:
    form = {"title": "Paint [it]", "description": "Green & blue"}
    answer = popug.worker("ann").post("/tasks/", data=form)
    assert answer.status_code == 422
    assert "A title holds no square brackets" in answer.text
    assert 'value="Paint [it]"' in answer.text
    assert "Green &amp; blue" in answer.text
    answer = popug.worker("ann").post("/tasks/", data={})
    assert answer.status_code == 422
    assert "Give the task a title." in answer.text
    assert popug.tasks() == []


def test_what_was_written_is_not_lost_when_nobody_can_be_given_the_task(popug: Company) -> None:
    popug.auth.away = True
    answer = popug.worker("ann").post("/tasks/", data={"title": "Paint the cage"})
    assert answer.status_code == 503
    assert "list of people cannot be had" in answer.text
    assert 'value="Paint the cage"' in answer.text
    popug.auth.away = False
    popug.runtime.remote._resting.clear()
    popug.people_are()
    answer = popug.worker("ann").post("/tasks/", data={"title": "Paint the cage"})
    assert answer.status_code == 409
    assert 'value="Paint the cage"' in answer.text


def test_my_tasks_show_the_open_ones_first_over_all_pages(popug: Company) -> None:
    made = [popug.create(f"Task no {i:02}") for i in range(30)]
    for task in made[::2]:
        popug.close(task["id"], "ann")
    ann = popug.worker("ann")
    first = ann.get("/tasks/").text
    after = re.search(r'rel="next" href="\?after=([^"]+)"', first)
    assert after
    second = ann.get(f"/tasks/?after={after[1]}").text
    seen = re.findall(r"Task no \d\d", first) + re.findall(r"Task no \d\d", second)
    assert seen == [f"Task no {i:02}" for i in (*range(29, 0, -2), *range(28, -1, -2))]
    assert first.count('/close"') == 15


def test_closing_on_a_page_and_losing_on_a_page(popug: Company) -> None:
    made = popug.create()
    ann = popug.worker("ann")
    lost = popug.worker("bob").post(f"/tasks/{made['id']}/close")
    assert lost.status_code == 403
    assert "held by: Popug ann" in lost.text
    answer = ann.post(f"/tasks/{made['id']}/close", follow_redirects=True)
    assert "Closed: Paint the cage" in answer.text
    assert ann.post(f"/tasks/{made['id']}/close").status_code == 409
    assert ann.get(f"/tasks/{made['id']}/close").status_code == 405
    assert len(popug.closed()) == 1


def test_the_board_is_filtered_and_keeps_its_filters_from_page_to_page(popug: Company) -> None:
    for i in range(27):
        popug.create(f"Cage {i:02}")
    popug.create("Feed the parrots")
    board = popug.manager().get("/tasks/board?q=cage").text
    assert "Feed" not in board
    assert len(re.findall(r"Cage \d\d", board)) == 25
    assert re.search(r'rel="next" href="\?after=[^"]+&amp;status=open&amp;q=cage"', board)
    assert "No task fits." in popug.manager().get("/tasks/board?status=closed").text
    assert "Feed" in popug.manager().get("/tasks/board?status=all&assignee=ann").text
    assert "No task fits." in popug.manager().get("/tasks/board?assignee=bob").text
    for wrong in ("status=gone", "q=" + "x" * 201, "after=zz"):
        assert popug.manager().get(f"/tasks/board?{wrong}").status_code == 422


def test_without_auth_the_pages_show_that_names_are_unavailable(popug: Company) -> None:
    made = popug.create()
    popug.auth.away = True
    popug.forget_candidates()
    for path in ("/tasks/board", f"/tasks/{made['id']}"):
        answer = popug.manager().get(path)
        assert answer.status_code == 200
        assert "name unavailable" in answer.text
    assert popug.manager().get("/tasks/shuffles/new").status_code == 200


def test_a_task_shows_on_whom_it_landed_and_lets_managers_move_it(popug: Company) -> None:
    made = popug.create()
    popug.people_are("ann", "bob")
    path = f"/tasks/{made['id']}"
    assert "/reassign" not in popug.worker("ann").get(path).text
    assert '<option value="bob">Popug bob</option>' in popug.manager().get(path).text
    moved = popug.manager().post(
        f"{path}/reassign", data={"assignee_id": "bob"}, follow_redirects=True
    )
    assert "The task is now held by: Popug bob." in moved.text
    history = re.findall(r"<td>(Popug \w+)</td>\s*<td>(\w+)</td>", moved.text)
    assert history == [("Popug bob", "reassigned"), ("Popug ann", "created")]
    wrong = popug.manager().post(f"{path}/reassign", data={"assignee_id": "nobody"})
    assert wrong.status_code == 422
    popug.close(made["id"], "bob")
    assert "/reassign" not in popug.manager().get(path).text


def test_the_preview_of_a_shuffle_says_how_many_over_whom_for_how_much(popug: Company) -> None:
    popug.people_are("ann", "bob", "cid")
    made = [popug.create() for _ in range(3)]
    closed = popug.create()
    popug.close(closed["id"], closed["assignee_id"])
    popug.hear("cid", active=False)
    page = popug.manager().get("/tasks/shuffles/new").text
    figures = re.findall(r'class="stat-value">([^<]+)<', page)
    charge = sum(task["fee"] for task in made) // 100
    assert figures == ["3", "2", f"${charge}.00"]
    assert "Shuffle 3 tasks" in page


def test_the_button_pressed_twice_starts_one_shuffle_with_progress_to_watch(
    popug: Company,
) -> None:
    popug.create()
    manager = popug.manager()
    once = token_in(manager.get("/tasks/shuffles/new").text)
    places = {manager.post("/tasks/shuffles", data={"once": once}).location for _ in range(2)}
    (place,) = places
    running = manager.get(place).text
    assert 'http-equiv="refresh"' in running
    assert place in manager.get("/tasks/shuffles/new").text
    popug.bench.settle()
    done = manager.get(place).text
    assert 'http-equiv="refresh"' not in done
    assert 'value="1" max="1"' in done


def test_the_facts_for_reconciliation_are_every_assignment_and_every_close(
    popug: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "ROWS_AT_ONCE", 2)
    made = [popug.create() for _ in range(5)]
    popug.people_are("bob")
    popug.reassign(made[0]["id"])
    for task in made[:3]:
        popug.close(task["id"], popug.task(task["id"])["assignee_id"])
    with popug.runtime.database.reading() as reading:
        charges, pays = list(facts.charges(reading)), list(facts.pays(reading))
    assert charges == [
        (event.assignment_id, event.task_id, event.assignee_id, event.fee)
        for event in popug.assigned()
    ]
    assert pays == [(e.task_id, e.assignee_id, e.reward) for e in popug.closed()]
    assert len(charges) == 6
    assert [pay.assignee_id for pay in pays] == ["bob", "ann", "ann"]

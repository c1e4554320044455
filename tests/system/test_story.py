"""The whole money story over HTTP, with every number worked out here from the rules."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.system.company import CARD, Books, Company, cents_in
from tests.system.conftest import System
from tests.waiting import wait_for, wait_until_equal

# Each shuffled task costs a second fee, so few of the sixty are made before the shuffle:
# then those who close everything earn something, and who closes nothing ends in the red.
BEFORE_THE_SHUFFLE, AFTER_THE_SHUFFLE = 20, 40


@pytest.fixture(scope="module")
def company(either: System) -> Company:
    return Company(either.url, workers=5)


def test_from_the_first_task_to_the_payout_every_cent_is_where_it_must_be(
    either: System, company: Company
) -> None:
    books = Books()
    tasks = _create_tasks(company, books, BEFORE_THE_SHUFFLE)
    tasks = _shuffle(company, books, tasks)
    tasks += _create_tasks(company, books, AFTER_THE_SHUFFLE)
    _close_some(company, books, tasks)
    _balances_are_right(company, books)
    today = _company_day_is_right(company, books)
    _analytics_agrees(company, books)
    expected = {p.id: books.balance(p.id) for p in company.candidates if books.balance(p.id) > 0}
    assert expected, "the story needs somebody who earned something"
    _close_the_day(company, today, expected)
    _balances_after_the_payday(company, books)
    _payouts_go_out(company, today, expected)
    _mails_are_kept(company, expected)
    _all_books_agree(either, company)


def _create_tasks(company: Company, books: Books, how_many: int) -> list[dict[str, Any]]:
    creators = [*company.workers, company.manager, company.admin, company.accountant]
    tasks = []
    for number in range(how_many):
        creator = creators[number % len(creators)]
        task = creator.post("/tasks/api/v1/tasks", title=f"[POPUG-{number}] Paint cage {number}")
        assert (task["jira_id"], task["title"]) == (f"POPUG-{number}", f"Paint cage {number}")
        assert task["assignee_id"] in company.by_id
        assert task["fee"] in range(1000, 2001, 100)
        assert task["reward"] in range(2000, 4001, 100)
        books.assigned(task)
        tasks.append(task)
    return tasks


def _shuffle(company: Company, books: Books, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert company.workers[0].ask("POST", "/tasks/api/v1/shuffles").status_code == 403
    answer = company.manager.ask("POST", "/tasks/api/v1/shuffles")
    assert answer.status_code == 202
    path = f"/tasks/api/v1/shuffles/{answer.json()['id']}"
    wait_for(lambda: company.manager.get(path)["status"] == "done", "the shuffle to end")
    shuffle = company.manager.get(path)
    assert (shuffle["total"], shuffle["done"], shuffle["skipped"]) == (len(tasks), len(tasks), 0)
    prices = {task["id"]: (task["fee"], task["reward"]) for task in tasks}
    shuffled = company.manager.items("/tasks/api/v1/tasks", status="open")
    assert {t["id"]: (t["fee"], t["reward"]) for t in shuffled} == prices
    for task in shuffled:
        books.assigned(task)
    return shuffled


def _close_some(company: Company, books: Books, tasks: list[dict[str, Any]]) -> None:
    """Everybody closes what he holds, but for one who closes nothing."""
    for number, task in enumerate(tasks):
        holder = company.by_id[task["assignee_id"]]
        if number == 0:
            other = next(p for p in company.workers if p is not holder)
            refused = other.ask("POST", f"/tasks/api/v1/tasks/{task['id']}/close")
            assert refused.status_code in (403, 409)
        if holder is company.workers[0]:
            continue
        closed = holder.post(f"/tasks/api/v1/tasks/{task['id']}/close")
        assert closed["status"] == "closed"
        books.closed_by(holder.id, closed)
        again = holder.ask("POST", f"/tasks/api/v1/tasks/{task['id']}/close")
        assert again.status_code == 409


def _balances_are_right(company: Company, books: Books) -> None:
    expected = {p.id: books.balance(p.id) for p in company.candidates}
    wait_until_equal(company.balances, expected, "balances")
    for person in company.candidates:
        entries = person.items("/accounts/api/v1/accounts/me/transactions")
        assert sorted(-e["sum"] for e in entries if e["kind"] == "fee") == sorted(
            books.fees[person.id]
        )
        assert sorted(e["sum"] for e in entries if e["kind"] == "reward") == sorted(
            books.rewards[person.id]
        )
        assert entries[0]["balance"] == books.balance(person.id)


def _company_day_is_right(company: Company, books: Books) -> str:
    today: dict[str, Any] = company.accountant.get("/accounts/api/v1/company")["items"][-1]
    assert today["fees"] == books.all_fees
    assert today["rewards"] == books.all_rewards
    assert today["earned"] == books.earned == books.all_fees - books.all_rewards
    assert (today["payouts"], today["closed"]) == (0, False)
    return str(today["date"])


def _analytics_agrees(company: Company, books: Books) -> None:
    in_the_red = sum(books.balance(p.id) < 0 for p in company.candidates)
    top = books.top_task()

    def look() -> tuple[Any, ...]:
        day = company.manager.get("/analytics/api/v1/days")["items"][-1]
        return (day["profit"], day["losers"], day["task_top_id"], day["task_top_reward"])

    wait_until_equal(look, (books.earned, in_the_red, top["id"], top["reward"]), "analytics")
    for period in ("day", "week", "month"):
        answer = company.manager.get("/analytics/api/v1/top-task", period=period)
        assert (answer["task_id"], answer["reward"]) == (top["id"], top["reward"])


def _close_the_day(company: Company, today: str, expected: dict[str, int]) -> None:
    path = f"/accounts/api/v1/days/{today}/close"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: company.accountant.ask("POST", path), range(4)))
    assert [a.status_code for a in answers] == [200] * 4
    again = company.accountant.post(path)
    assert (again["status"], again["payouts"], again["amount"]) == (
        "closed",
        len(expected),
        sum(expected.values()),
    )
    assert company.workers[0].ask("POST", path).status_code == 403


def _balances_after_the_payday(company: Company, books: Books) -> None:
    kept = {p.id: min(books.balance(p.id), 0) for p in company.candidates}
    assert company.balances() == kept


def _payouts_go_out(company: Company, today: str, expected: dict[str, int]) -> None:
    def amounts() -> dict[str, int]:
        payouts = company.accountant.items("/billing/api/v1/payouts", date=today)
        return {p["user_id"]: p["amount"] for p in payouts}

    wait_until_equal(amounts, expected, "payouts in billing")
    payouts = company.accountant.items("/billing/api/v1/payouts", date=today)
    assert len(payouts) == len(expected)
    assert {p["status"] for p in payouts} == {"waiting_for_card"}
    for user_id in expected:
        answer = company.by_id[user_id].ask(
            "PUT", "/billing/api/v1/cards/me", json={"card_number": CARD}
        )
        assert (answer.status_code, answer.json()) == (200, {"last4": CARD[-4:]})

    def statuses() -> set[str]:
        items = company.accountant.items("/billing/api/v1/payouts", date=today)
        return {p["status"] for p in items}

    wait_until_equal(statuses, {"succeeded"}, "payouts sent once there is a card")
    report = company.accountant.get(f"/billing/api/v1/reports/{today}.json")
    assert sum(row["amount"] for row in report["items"]) == sum(expected.values())


def _mails_are_kept(company: Company, expected: dict[str, int]) -> None:
    def kept() -> dict[str, str]:
        return {m["user_id"]: m["status"] for m in company.admin.items("/mailer/api/v1/mails")}

    wait_until_equal(kept, dict.fromkeys(expected, "kept"), "mails")
    mails = company.admin.items("/mailer/api/v1/mails")
    assert len(mails) == len(expected)
    for mail in mails:
        assert expected[mail["user_id"]] in cents_in(mail["text"])


def _all_books_agree(popug: System, company: Company) -> None:
    checks = company.accountant.get("/accounts/api/v1/reconciliation")["checks"]
    assert checks
    assert [c for c in checks if not c["ok"]] == []
    reconciled = popug.command("reconcile", "--json")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr

"""The pages: what people see, and what they can press."""

import pytest

from accounts import closing
from chassis.database import Database
from tests.integration.accounts.desk import (
    PAGES,
    TODAY,
    assigned,
    at,
    balances,
    booked,
    closed,
    recorded,
)
from tests.support import Workbench


@pytest.fixture
def ann(bench: Workbench) -> str:
    """Ann, whose name and tasks the other services know."""
    bench.fakes["auth"].lists["/api/v1/users"] = [
        {"id": "ann", "name": "Ann <Feather>"},
        {"id": "u-accountant", "name": "Carol Beak"},
    ]
    bench.fakes["tasks"].lists["/api/v1/tasks"] = [{"id": "t1", "title": "Paint the cage"}]
    bench.hear(closed("t0", "ann", 700, at(9)))
    bench.hear(assigned("a1", "ann", 1500, at(10, 9), "t1"), closed("t1", "ann", 3000))
    return "ann"


def test_my_account_shows_balance_today_tonight_and_titles(bench: Workbench, ann: str) -> None:
    page = bench.client("worker", ann).get(f"{PAGES}/")
    assert page.status_code == 200
    for words in ("$22.00", "$15.00", "Paint the cage", "Mar 9, 2026", "To be paid tonight"):
        assert words in page.text
    assert "Reverse" not in page.text.replace("Reversal", "")


def _tonight(bench: Workbench, user_id: str) -> str:
    page = bench.client("worker", user_id).get(f"{PAGES}/").text
    return page.split("To be paid tonight")[1].split("</div>")[1].split(">")[-1].strip()


def test_tonight_is_what_closing_today_would_pay(bench: Workbench, ann: str) -> None:
    assert _tonight(bench, ann) == "$22.00"
    bench.hear(assigned("a2", ann, 1000))
    assert _tonight(bench, ann) == "$12.00"


def test_a_debt_is_not_paid_tonight(bench: Workbench) -> None:
    bench.hear(assigned("a1", "bob", 1500))
    assert _tonight(bench, "bob") == "$0.00"
    assert "-$15.00" in bench.client("worker", "bob").get(f"{PAGES}/").text


def test_what_counts_for_tomorrow_is_not_paid_tonight(
    bench: Workbench, database: Database, ann: str
) -> None:
    closing.close_day(database, TODAY, "carol")
    bench.hear(closed("t9", ann, 5000))
    assert balances(database)[ann] == 5000
    assert _tonight(bench, ann) == "$0.00"


def test_somebody_new_sees_what_will_be_here(bench: Workbench) -> None:
    page = bench.client("worker", "new").get(f"{PAGES}/")
    assert page.status_code == 200
    assert "Nothing is booked here yet" in page.text


def test_a_long_statement_goes_on_on_the_next_page(bench: Workbench, database: Database) -> None:
    bench.hear(*[assigned(f"a{n:03}", "bob", 100 + n, at(8 + n % 3)) for n in range(120)])
    client = bench.client("worker", "bob")
    seen: list[str] = []
    path = f"{PAGES}/"
    while path:
        text = client.get(path).text
        seen += [part.split(">")[0] for part in text.split('href="/tasks/task-of-')[1:]]
        following = text.split('rel="next" href="')
        path = f"{PAGES}/{following[1].split(chr(34))[0]}" if len(following) > 1 else ""
    assert len(seen) == 120
    assert len(set(seen)) == 120


def test_the_statement_shows_without_tasks_and_auth(bench: Workbench, ann: str) -> None:
    bench.fakes["tasks"].away = bench.fakes["auth"].away = True
    mine = bench.client("worker", ann).get(f"{PAGES}/")
    assert mine.status_code == 200
    assert "title unavailable" in mine.text
    assert "$22.00" in mine.text
    other = bench.client("accountant").get(f"{PAGES}/users/{ann}")
    assert "name unavailable" in other.text
    for path in ("/users", "/company", "/days", f"/days/{TODAY}/close"):
        assert bench.client("accountant").get(f"{PAGES}{path}").status_code == 200


def test_names_are_shown_as_text(bench: Workbench, ann: str) -> None:
    for path in ("/users", f"/users/{ann}"):
        page = bench.client("accountant").get(f"{PAGES}{path}").text
        assert "Ann &lt;Feather&gt;" in page
        assert "<Feather>" not in page


def test_accounts_are_listed_debts_first_or_credits_first(bench: Workbench, ann: str) -> None:
    bench.hear(assigned("a7", "bob", 1500), *[closed(f"x{n}", f"u{n}", 5) for n in range(60)])
    client = bench.client("accountant")
    owing = client.get(f"{PAGES}/users").text
    assert "-$15.00" in owing
    assert "$22.00" not in owing
    owed = client.get(f"{PAGES}/users?order=owed").text
    assert "$22.00" in owed
    assert "-$15.00" not in owed
    following = owed.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "order=owed" in following
    assert "-$15.00" in client.get(f"{PAGES}/users{following}").text
    assert client.get(f"{PAGES}/users?order=x").status_code == 422
    assert client.get(f"{PAGES}/users?after=x").status_code == 422


def test_a_fee_is_reversed_on_a_page_of_its_own(
    bench: Workbench, database: Database, ann: str
) -> None:
    client = bench.client("accountant")
    (fee,) = booked(database, "transaction_id", kind="fee")
    assert f"/transactions/{fee}/reverse" in client.get(f"{PAGES}/users/{ann}").text
    path = f"{PAGES}/transactions/{fee}/reverse"
    assert "Paint the cage" in client.get(path).text
    assert balances(database)["ann"] == 2200
    answer = client.post(path, data={"reason": "  wrong popug  "})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGES}/users/{ann}")
    assert balances(database)["ann"] == 3700
    shown = client.get(f"{PAGES}/users/{ann}").text
    assert "The transaction is reversed." in shown
    assert "wrong popug" in shown
    assert "Carol Beak" in shown
    assert f"/transactions/{fee}/reverse" not in shown
    assert client.post(path, data={"reason": "again"}).status_code == 409


def test_without_a_good_reason_the_form_comes_back_as_it_was(
    bench: Workbench, database: Database, ann: str
) -> None:
    client = bench.client("admin")
    (fee,) = booked(database, "transaction_id", kind="fee")
    wrong = {"": "Say why", "   ": "Say why", "x" * 501: "At most 500", "a\x07": "control"}
    for reason, sentence in wrong.items():
        answer = client.post(f"{PAGES}/transactions/{fee}/reverse", data={"reason": reason})
        assert answer.status_code == 422
        assert sentence in answer.text
        assert reason.strip() in answer.text
    assert balances(database)["ann"] == 2200


def test_an_unknown_transaction_or_account_is_not_found(bench: Workbench) -> None:
    client = bench.client("admin")
    for path in ("/transactions/x/reverse", "/users/nobody", "/users/попуг", f"/users/{'x' * 999}"):
        assert client.get(f"{PAGES}{path}").status_code == 404
    assert client.post(f"{PAGES}/transactions/x/reverse", data={"reason": "x"}).status_code == 404


def test_the_company_page_shows_days_and_totals(bench: Workbench, ann: str) -> None:
    page = bench.client("manager").get(f"{PAGES}/company?from=2026-03-09&to=2026-03-10")
    assert page.status_code == 200
    for words in ("$15.00", "$37.00", "-$22.00", "Mar 9, 2026"):
        assert words in page.text


def test_a_bad_range_is_refused_beside_the_form(bench: Workbench) -> None:
    client = bench.client("admin")
    for query in ("from=x", "from=2026-03-10&to=2026-03-09", "to=2027-01-01"):
        page = client.get(f"{PAGES}/company?{query}")
        assert page.status_code == 422
        assert 'id="range-error"' in page.text
        assert query.split("=")[-1] in page.text


def test_a_day_is_closed_after_a_question(bench: Workbench, database: Database, ann: str) -> None:
    client = bench.client("accountant")
    assert f"/days/{TODAY}/close" in client.get(f"{PAGES}/days").text
    question = client.get(f"{PAGES}/days/{TODAY}/close").text
    assert "1 popug stands in credit" in question
    assert "with $15.00" in question
    assert "Mar 9, 2026: $7.00" in question
    assert "This is today" in question
    assert recorded(database) == {}
    answer = client.post(f"{PAGES}/days/{TODAY}/close")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGES}/days")
    shown = client.get(f"{PAGES}/days").text
    assert "Mar 10, 2026 is closed: 1 payout." in shown
    assert "Carol Beak" in shown
    assert recorded(database)[TODAY] == ("closed", 1, 1500)
    assert "closed already" in client.get(f"{PAGES}/days/{TODAY}/close").text


def test_days_list_what_came_late(bench: Workbench, database: Database, ann: str) -> None:
    closing.close_day(database, TODAY, "clock")
    bench.hear(assigned("a9", "ann", 1234, at(10, 13), "t1"))
    page = bench.client("admin").get(f"{PAGES}/days").text
    late = page.split("Booked on another day than their own")[1]
    for words in ("Paint the cage", "Ann &lt;Feather&gt;", "-$12.34", "Mar 11, 2026"):
        assert words in late
    assert "by the clock" in page


def test_days_that_are_none_or_of_the_future_are_refused(bench: Workbench) -> None:
    client = bench.client("admin")
    for day in ("x", "2026-03-11"):
        assert client.get(f"{PAGES}/days/{day}/close").status_code == 422
        assert client.post(f"{PAGES}/days/{day}/close").status_code == 422
    assert client.get(f"{PAGES}/days?after=x").status_code == 422


def test_each_role_sees_its_pages(bench: Workbench, ann: str) -> None:
    bookkeeping = {"/", "/company", "/users", "/users/ann", "/days"}
    seen = {
        "worker": {"/"},
        "manager": {"/", "/company"},
        "accountant": bookkeeping,
        "admin": bookkeeping,
    }
    for role, pages in seen.items():
        client = bench.client(role)
        for path in bookkeeping:
            expected = 200 if path in pages else 403
            assert client.get(f"{PAGES}{path}").status_code == expected, (role, path)


def test_nobody_is_let_in_without_signing_in(bench: Workbench) -> None:
    answer = bench.client().get(f"{PAGES}/days")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/auth/login?next=")

"""The REST side: what it answers, to whom, and what it refuses."""

from datetime import date

import pytest

from accounts import closing
from chassis.database import Database
from tests.integration.accounts.desk import API, TODAY, assigned, at, booked, cancelled, closed
from tests.support import Workbench

EMPTY_DAY = {
    "fees": 0,
    "rewards": 0,
    "earned": 0,
    "payouts": 0,
    "corrected": 0,
}


@pytest.fixture
def ann(bench: Workbench) -> str:
    """Ann: yesterday +7.00, today a fee of 15.00 and a reward of 30.00."""
    bench.hear(closed("t0", "ann", 700, at(9)))
    bench.hear(assigned("a1", "ann", 1500, at(10, 9), "t1"))
    bench.hear(closed("t1", "ann", 3000, at(10, 11)))
    return "ann"


def test_my_account_has_balance_and_today(bench: Workbench, ann: str) -> None:
    answer = bench.client("worker", ann).get(f"{API}/accounts/me")
    assert answer.get_json() == {
        "user_id": "ann",
        "balance": 2200,
        "today": 1500,
        "currency": "USD",
    }


def test_somebody_without_an_account_has_zeros(bench: Workbench) -> None:
    zeros = {"user_id": "new", "balance": 0, "today": 0, "currency": "USD"}
    client = bench.client("worker", "new")
    assert client.get(f"{API}/accounts/me").get_json() == zeros
    assert client.get(f"{API}/accounts/new").get_json() == zeros
    assert client.get(f"{API}/accounts/me/transactions").get_json() == {"items": [], "next": None}


def test_today_counts_work_and_its_corrections_but_no_payouts(
    bench: Workbench, database: Database, ann: str
) -> None:
    (fee,) = booked(database, "transaction_id", kind="fee")
    bench.client("admin").post(
        f"{API}/reversals", json={"transaction_id": fee, "reason": "a mistake"}
    )
    closing.close_day(database, date(2026, 3, 9), "carol")
    (payout,) = booked(database, "transaction_id", kind="payout")
    bench.hear(cancelled(payout, "ann", 700))
    # −15.00 + 30.00 + 15.00 corrected; the 7.00 paid and returned are no work of today.
    mine = bench.client("worker", ann).get(f"{API}/accounts/me").get_json()
    assert (mine["today"], mine["balance"]) == (3000, 3700)


def test_only_bookkeepers_see_other_accounts(bench: Workbench, ann: str) -> None:
    expected = {"worker": 403, "manager": 403, "accountant": 200, "admin": 200}
    for role, status in expected.items():
        client = bench.client(role)
        assert client.get(f"{API}/accounts/{ann}").status_code == status
        assert client.get(f"{API}/accounts/{ann}/transactions").status_code == status


def test_everybody_sees_his_own_by_id(bench: Workbench, ann: str) -> None:
    client = bench.client("worker", ann)
    assert client.get(f"{API}/accounts/{ann}").get_json()["balance"] == 2200
    assert len(client.get(f"{API}/accounts/{ann}/transactions").get_json()["items"]) == 3


def test_other_services_see_any_account(bench: Workbench, ann: str) -> None:
    mailer = bench.as_service("mailer")
    client = bench.client()
    answer = client.get(f"{API}/accounts/{ann}/transactions?day=2026-03-09", headers=mailer)
    assert [item["sum"] for item in answer.get_json()["items"]] == [700]
    assert client.get(f"{API}/accounts/{ann}", headers=mailer).status_code == 200
    assert client.get(f"{API}/accounts/me", headers=mailer).status_code == 403
    assert client.post(f"{API}/days/{TODAY}/close", headers=mailer).status_code == 403


def test_an_unknown_account_is_not_found(bench: Workbench) -> None:
    client = bench.client("admin")
    for user_id in ("nobody", "x" * 5_000, "попуг", "a%20b", "%F0%9F%A6%9C"):
        assert client.get(f"{API}/accounts/{user_id}").status_code == 404
        assert client.get(f"{API}/accounts/{user_id}/transactions").status_code == 404


def test_transactions_are_newest_first_in_pages(bench: Workbench, ann: str) -> None:
    client = bench.client("worker", ann)
    first = client.get(f"{API}/accounts/me/transactions?limit=2").get_json()
    assert [(i["kind"], i["sum"], i["balance"], i["day"]) for i in first["items"]] == [
        ("reward", 3000, 2200, "2026-03-10"),
        ("fee", -1500, -800, "2026-03-10"),
    ]
    second = client.get(f"{API}/accounts/me/transactions?limit=2&after={first['next']}").get_json()
    assert [i["sum"] for i in second["items"]] == [700]
    assert second["next"] is None
    assert second["items"][0]["datetime"] == "2026-03-09T12:00:00Z"


def test_a_query_that_makes_no_sense_is_refused(bench: Workbench) -> None:
    client = bench.client("worker")
    for query in (
        "limit=0",
        "limit=201",
        "limit=x",
        "after=!!",
        "after=WyJ4Il0",
        "after=WzEwMDAwMDAwMDAwMDAwMDAwMDAwMF0",
        "day=2026-13-01",
        "day=yesterday",
        "day=1773100800",
        "day=",
        "days=2026-03-10",
    ):
        answer = client.get(f"{API}/accounts/me/transactions?{query}")
        assert answer.status_code == 422, query
        assert answer.get_json()["detail"]


def test_company_days_follow_the_formula(bench: Workbench, database: Database, ann: str) -> None:
    bench.hear(assigned("a2", "bob", 2000), assigned("a3", "bob", 1200, at(9)))
    closing.close_day(database, date(2026, 3, 9), "carol")
    (fee,) = booked(database, "transaction_id", source_id="a2")
    bench.client("admin").post(f"{API}/reversals", json={"transaction_id": fee, "reason": "x"})
    answer = bench.client("manager").get(f"{API}/company?from=2026-03-08")
    assert answer.get_json() == {
        "items": [
            {"date": "2026-03-08", **EMPTY_DAY, "closed": True},
            {
                "date": "2026-03-09",
                "fees": 1200,
                "rewards": 700,
                "earned": 500,
                "payouts": 700,
                "corrected": 0,
                "closed": True,
            },
            {
                "date": "2026-03-10",
                "fees": 3500,
                "rewards": 3000,
                "earned": 500,
                "payouts": 0,
                "corrected": -2000,
                "closed": False,
            },
        ],
        "next": None,
    }


def test_a_returned_payout_is_no_correction(bench: Workbench, database: Database) -> None:
    bench.hear(closed("t1", "ann", 700))
    closing.close_day(database, TODAY, "carol")
    (payout,) = booked(database, "transaction_id", kind="payout")
    bench.clock.put(at(11))
    bench.hear(cancelled(payout, "ann", 700))
    rows = bench.client("admin").get(f"{API}/company?from=2026-03-10").get_json()["items"]
    assert [(r["rewards"], r["payouts"], r["corrected"]) for r in rows] == [
        (700, 700, 0),
        (0, 0, 0),
    ]


def test_company_days_are_the_last_thirty_without_a_range(bench: Workbench) -> None:
    rows = bench.client("accountant").get(f"{API}/company").get_json()["items"]
    assert len(rows) == 30
    assert (rows[0]["date"], rows[-1]["date"]) == ("2026-02-09", "2026-03-10")


def test_a_long_range_comes_in_pages_without_gaps(bench: Workbench) -> None:
    client = bench.client("admin")
    query = f"{API}/company?from=2025-02-04&to=2026-03-10"
    first = client.get(query).get_json()
    second = client.get(f"{query}&after={first['next']}").get_json()
    dates = [row["date"] for row in first["items"] + second["items"]]
    assert (len(first["items"]), len(second["items"]), second["next"]) == (200, 200, None)
    assert (dates[0], dates[-1], len(set(dates))) == ("2025-02-04", "2026-03-10", 400)


def test_a_range_that_makes_no_sense_is_refused(bench: Workbench) -> None:
    client = bench.client("admin")
    for query in (
        "from=2026-03-10&to=2026-03-09",
        "to=2026-03-11",
        "from=2026-03-11",
        "from=2025-02-03",
        "from=0001-01-01",
        "to=9999-12-31",
        "from=x",
        "first=2026-03-01",
        "from=2026-03-01&after=WyI5OTk5LTEyLTMyIl0",
    ):
        assert client.get(f"{API}/company?{query}").status_code == 422, query


def test_a_cursor_behind_the_range_gives_nothing(bench: Workbench) -> None:
    answer = bench.client("admin").get(f"{API}/company?after=WyI5OTk5LTEyLTMxIl0")
    assert (answer.status_code, answer.get_json()) == (200, {"items": [], "next": None})


def test_workers_do_not_see_company_days(bench: Workbench) -> None:
    assert bench.client("worker").get(f"{API}/company").status_code == 403


def test_a_day_is_closed_and_seen(bench: Workbench, ann: str) -> None:
    client = bench.client("accountant")
    assert client.get(f"{API}/days/{TODAY}").get_json() == {
        "date": "2026-03-10",
        "status": "open",
        "payouts": 0,
        "amount": 0,
    }
    closed_day = {"date": "2026-03-10", "status": "closed", "payouts": 1, "amount": 1500}
    for _ in range(2):
        answer = client.post(f"{API}/days/{TODAY}/close")
        assert (answer.status_code, answer.get_json()) == (200, closed_day)
    assert client.get(f"{API}/days/{TODAY}").get_json() == closed_day


def test_a_day_in_the_future_is_open_and_cannot_be_closed(bench: Workbench) -> None:
    client = bench.client("admin")
    assert client.get(f"{API}/days/2026-03-11").get_json()["status"] == "open"
    for day in ("2026-03-11", "9999-12-31"):
        answer = client.post(f"{API}/days/{day}/close")
        assert answer.status_code == 422
        assert "has not begun yet" in answer.get_json()["detail"]
    assert client.get(f"{API}/days/{TODAY}").get_json()["status"] == "open"


def test_the_first_day_of_the_calendar_can_be_closed(bench: Workbench) -> None:
    answer = bench.client("admin").post(f"{API}/days/0001-01-01/close")
    assert (answer.status_code, answer.get_json()["status"]) == (200, "closed")


def test_what_is_no_day_is_refused(bench: Workbench) -> None:
    client = bench.client("admin")
    for day in ("x", "2026-02-30", "20260310", "1" * 3_000, "попуг", "-"):
        for answer in (client.get(f"{API}/days/{day}"), client.post(f"{API}/days/{day}/close")):
            assert answer.status_code == 422, day
            assert answer.get_json()["detail"] == "Write the day like 2026-03-10."


def test_only_bookkeepers_see_and_close_days(bench: Workbench) -> None:
    for role in ("worker", "manager"):
        client = bench.client(role)
        assert client.get(f"{API}/days/{TODAY}").status_code == 403
        assert client.post(f"{API}/days/{TODAY}/close").status_code == 403
        assert client.get(f"{API}/reconciliation").status_code == 403


def test_nobody_is_let_in_without_signing_in(bench: Workbench) -> None:
    client = bench.client()
    for path in ("/accounts/me", "/accounts/ann", "/company", f"/days/{TODAY}", "/reconciliation"):
        assert client.get(f"{API}{path}").status_code == 401
    assert client.post(f"{API}/reversals", json={}).status_code == 401


def test_reconciliation_lists_what_was_checked(bench: Workbench, ann: str) -> None:
    answer = bench.client("accountant").get(f"{API}/reconciliation").get_json()
    assert len(answer["checks"]) >= 7
    assert all(check["ok"] and check["detail"] == "" for check in answer["checks"])


def test_the_description_names_every_route(bench: Workbench) -> None:
    described = bench.client().get("/accounts/api/openapi.json").get_json()["paths"]
    own = {path for path in described if not path.startswith("/api/v1/parked")}
    assert own == {
        "/api/v1/accounts/me",
        "/api/v1/accounts/{user_id}",
        "/api/v1/accounts/me/transactions",
        "/api/v1/accounts/{user_id}/transactions",
        "/api/v1/reversals",
        "/api/v1/company",
        "/api/v1/days/{day}",
        "/api/v1/days/{day}/close",
        "/api/v1/payouts",
        "/api/v1/reconciliation",
    }
    asked = described["/api/v1/company"]["get"]["parameters"]
    assert {"from", "to", "limit", "after"} == {parameter["name"] for parameter in asked}

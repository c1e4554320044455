"""The day's report: the same rows on the page, in JSON, CSV and XLSX (rule 16)."""

import csv
import io
from datetime import timedelta

import pytest

from tests.integration.billing.conftest import API, DECLINED_CARD, YESTERDAY, Desk
from tests.tables import csv_rows, xlsx_rows

REPORT = f"{API}/reports/2026-03-09"


@pytest.fixture
def day(desk: Desk) -> Desk:
    """Ann is paid 12.50, Bob is refused 3.00, Cid waits for 0.05, Dan for 1,000,000.01."""
    desk.store_card("ann")
    desk.store_card("bob", DECLINED_CARD)
    desk.request("p1", "ann", 1_250)
    desk.request("p2", "bob", 300)
    desk.request("p3", "cid", 5)
    desk.request("p4", "dan", 100_000_001)
    desk.request("p5", "ann", 777, YESTERDAY - timedelta(days=1))
    desk.work()
    return desk


def in_csv(desk: Desk) -> list[list[str]]:
    answer = desk.accountant.get(f"{REPORT}.csv")
    assert answer.status_code == 200
    return csv_rows(answer.data)


def in_xlsx(desk: Desk) -> list[list[str | float]]:
    answer = desk.accountant.get(f"{REPORT}.xlsx")
    assert answer.status_code == 200
    return xlsx_rows(answer.data, "ABCDEF")


def test_the_report_as_json(day: Desk) -> None:
    reference = day.payout("p1")["gateway_ref"]
    waiting = {"currency": "USD", "status": "waiting_for_card", "gateway_ref": None, "reason": None}
    expected = {
        "date": "2026-03-09",
        "currency": "USD",
        "items": [
            {
                "payout_id": "p1",
                "user_id": "ann",
                "name": "Ann",
                "amount": 1_250,
                "currency": "USD",
                "status": "succeeded",
                "gateway_ref": reference,
                "reason": None,
            },
            {
                "payout_id": "p2",
                "user_id": "bob",
                "name": "Bob",
                "amount": 300,
                "currency": "USD",
                "status": "failed",
                "gateway_ref": None,
                "reason": "card declined",
            },
            {"payout_id": "p3", "user_id": "cid", "name": "Cid", "amount": 5, **waiting},
            {"payout_id": "p4", "user_id": "dan", "name": "Dan", "amount": 100_000_001, **waiting},
        ],
        "totals": [
            {"status": "waiting_for_card", "count": 2, "amount": 100_000_006},
            {"status": "succeeded", "count": 1, "amount": 1_250},
            {"status": "failed", "count": 1, "amount": 300},
            {"status": None, "count": 4, "amount": 100_001_556},
        ],
    }
    assert day.accountant.get(REPORT).get_json() == expected
    assert day.accountant.get(f"{REPORT}.json").get_json() == expected


def test_the_files_hold_what_the_page_shows(day: Desk) -> None:
    reference = day.payout("p1")["gateway_ref"]
    rows = in_csv(day)
    assert rows == [
        ["Who", "Amount", "Currency", "Status", "Gateway reference", "Reason"],
        ["Ann", "12.50", "USD", "succeeded", reference, ""],
        ["Bob", "3.00", "USD", "failed", "", "card declined"],
        ["Cid", "0.05", "USD", "waiting for a card", "", ""],
        ["Dan", "1000000.01", "USD", "waiting for a card", "", ""],
        ["Total: waiting for a card (2)", "1000000.06", "USD", "", "", ""],
        ["Total: succeeded (1)", "12.50", "USD", "", "", ""],
        ["Total: failed (1)", "3.00", "USD", "", "", ""],
        ["Total: all (4)", "1000015.56", "USD", "", "", ""],
    ]
    sheet = in_xlsx(day)
    assert sheet[0] == rows[0]
    assert [[*row[:1], float(row[1]), *row[2:]] for row in rows[1:]] == sheet[1:]
    page = day.accountant.get("/billing/reports/2026-03-09").text
    shown = ("Ann", "$12.50", reference, "card declined", "$0.05", "$1,000,000.01", "$1,000,015.56")
    for text in (*shown, "waiting for a card", "/billing/api/v1/reports/2026-03-09.xlsx"):
        assert text in page
    assert "$7.77" not in page


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("x")'])
def test_a_name_that_looks_like_a_formula_is_made_harmless(desk: Desk, name: str) -> None:
    desk.bench.fakes["auth"].lists["/api/v1/users"] = [{"id": "ann", "name": name}]
    desk.request()
    answer = desk.accountant.get(f"{REPORT}.csv")
    text = answer.data.decode("utf-8-sig")
    assert next(csv.reader(io.StringIO(text.split("\r\n", 1)[1], newline="")))[0] == f"'{name}"
    assert "<f>" not in str(in_xlsx(desk))
    in_the_sheet = name.replace("\r", "_x000D_")  # as Office Open XML writes it
    assert in_xlsx(desk)[1][0] == in_the_sheet


def test_files_have_their_types_and_names(day: Desk) -> None:
    answer = day.accountant.get(f"{REPORT}.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "payouts-2026-03-09.csv" in answer.headers["Content-Disposition"]
    answer = day.accountant.get(f"{REPORT}.xlsx")
    assert answer.content_type.endswith("spreadsheetml.sheet")
    assert "payouts-2026-03-09.xlsx" in answer.headers["Content-Disposition"]


def test_a_day_without_payouts_has_an_empty_report(desk: Desk) -> None:
    answer = desk.accountant.get(f"{API}/reports/2026-03-10.json").get_json()
    assert answer["items"] == []
    assert answer["totals"] == [{"status": None, "count": 0, "amount": 0}]
    assert "Nobody is paid for this day." in desk.accountant.get("/billing/reports/2026-03-10").text


NO_DAYS = (
    "2026-02-30",
    "tomorrow",
    "0000-00-00",
    "99999-01-01",
    "2026-13-01",
    "-1",
    "2026-03-11",
    "x.csv",
)


def test_a_day_that_is_none_or_to_come_has_no_report(desk: Desk) -> None:
    for text in NO_DAYS:
        for path in (
            f"{API}/reports/{text}",
            f"{API}/reports/{text}.csv",
            f"/billing/reports/{text}",
        ):
            answer = desk.accountant.get(path)
            assert answer.status_code == 422, path
        assert len(desk.accountant.get(f"{API}/reports/{text}").get_json()["detail"]) > 10


def test_today_begins_in_the_companys_time_zone(desk: Desk) -> None:
    assert desk.accountant.get(f"{API}/reports/2026-03-10").status_code == 200
    desk.bench.clock.advance(hours=12)
    assert desk.accountant.get(f"{API}/reports/2026-03-11").status_code == 200

"""The report of a range: on screen, as CSV, as XLSX and as JSON it is the same to the cent."""

import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import range_pages, ranges
from billing.domain import Payout, PayoutStatus
from billing.models import payouts
from chassis.spreadsheets import FORMULA_STARTS
from tests.integration.billing.conftest import API, Desk
from tests.tables import cents, csv_rows, page_rows, xlsx_rows

FIRST, LAST = date(2026, 2, 20), date(2026, 3, 9)
ASKED = f"from={FIRST}&to={LAST}"
EXCEL_BEGAN = date(1899, 12, 30)
NOW = datetime(2026, 3, 10, tzinfo=UTC)
SAMPLE = Payout(
    id="", user_id="", date=FIRST, amount=1, currency="USD", status=PayoutStatus.READY,
    gateway="sandbox", idempotency_key="", gateway_ref=None, attempts=0, reason=None,
    created_at=NOW, updated_at=NOW, next_attempt_at=None,
)  # fmt: skip

# Words as people and banks write them, and what spreadsheets would take for a formula.
WORDS = st.text(st.sampled_from("Анна Ё=+-@'\"<&;,7"), min_size=1, max_size=12).map(
    lambda text: "x" + text.strip()
) | st.sampled_from(["=1+1", "-2", "+3", "@SUM(A1)", '=HYPERLINK("x")'])
LEDGERS = st.lists(
    st.tuples(
        st.integers(-2, (LAST - FIRST).days + 1),  # some lie outside the range
        st.integers(1, 9_000_000_000_000),
        st.sampled_from(list(PayoutStatus)),
        st.none() | WORDS,
        st.integers(0, 4),
    ),
    max_size=40,
    unique_by=lambda row: (row[0], row[4]),
)


@pytest.fixture(autouse=True)
def _small_pieces() -> Iterator[None]:
    with patch.object(ranges, "ROWS_AT_ONCE", 3), patch.object(range_pages, "MOST", 7):
        yield


def store(desk: Desk, ledger: list[Any], names: list[str]) -> list[Payout]:
    """Have billing hold exactly these payouts; gives those of the range in its order."""
    stored = [
        replace(
            SAMPLE,
            id=f"p{number:02}",
            idempotency_key=f"k{number:02}",
            user_id=f"u{person}",
            date=FIRST + timedelta(days=offset),
            amount=amount,
            status=status,
            reason=reason,
        )
        for number, (offset, amount, status, reason, person) in enumerate(ledger)
    ]
    with desk.runtime.database.transaction() as tx:
        tx.execute(payouts.delete())
        tx.insert(payouts, [asdict(payout) for payout in stored])
    desk.bench.fakes["auth"].lists["/api/v1/users"] = [
        {"id": f"u{person}", "name": name} for person, name in enumerate(names)
    ]
    desk.runtime.remote._labels.clear()
    wanted = [payout for payout in stored if FIRST <= payout.date <= LAST]
    return sorted(wanted, key=lambda payout: (payout.date, payout.id))


def on_screen(desk: Desk) -> tuple[list[tuple[str, int]], list[list[str]]]:
    """Name and cents of each row, page after page; and the figures of the totals."""
    rows: list[list[str]] = []
    path = f"/billing/reports?{ASKED}"
    while path:
        page = desk.accountant.get(path).text
        rows += page_rows(page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = f"/billing/reports{following[1].replace('&amp;', '&')}" if following else ""
    stats = re.findall(r'stat-label">(.*?)</div>\s*<div class="stat-value">(.*?)</div>', page)
    return [(row[0], cents(row[2])) for row in rows], [list(stat) for stat in stats]


def plain(text: str) -> str:
    """A cell without the mark that keeps it from being a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


@given(ledger=LEDGERS, names=st.lists(WORDS, min_size=5, max_size=5))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_screen_csv_xlsx_and_json_are_the_same_to_the_cent(
    desk: Desk, ledger: list[Any], names: list[str]
) -> None:
    wanted = store(desk, ledger, names)
    expected = [(names[int(p.user_id[1:])], p.amount) for p in wanted]
    by_status = {
        status: [p.amount for p in wanted if p.status is status] for status in PayoutStatus
    }
    sums = [(len(each), sum(each)) for each in by_status.values() if each]
    sums.append((len(wanted), sum(p.amount for p in wanted)))

    shown, stats = on_screen(desk)
    assert [(" ".join(name.split()), amount) for name, amount in shown] == [
        (" ".join(name.split()), amount) for name, amount in expected
    ]
    assert [(int(label.split("· ")[1]), cents(value)) for label, value in stats] == sums

    rows = csv_rows(desk.accountant.get(f"{API}/reports.csv?{ASKED}").data)
    body, totals = rows[1 : 1 + len(wanted)], rows[1 + len(wanted) :]
    assert [(plain(row[1]), cents(row[2])) for row in body] == expected
    assert [row[0] for row in body] == [str(p.date) for p in wanted]
    assert [plain(row[6]) for row in body] == [p.reason or "" for p in wanted]
    assert not [cell for row in body for cell in row if cell.startswith(FORMULA_STARTS)]
    assert [(int(row[1].split("(")[-1][:-1]), cents(row[2])) for row in totals] == sums

    answer = desk.accountant.get(f"{API}/reports.xlsx?{ASKED}")
    sheet = xlsx_rows(answer.data, "ABCDEFG")
    assert sheet[0] == rows[0]
    for from_csv, cells in zip(body, sheet[1 : 1 + len(wanted)], strict=True):
        assert EXCEL_BEGAN + timedelta(days=float(cells[0])) == date.fromisoformat(from_csv[0])
        assert isinstance(cells[2], float)
        assert round(cells[2] * 100) == cents(from_csv[2])
        assert [cells[1], *cells[3:]] == [plain(cell) for cell in [from_csv[1], *from_csv[3:]]]
    assert [round(float(row[2]) * 100) for row in sheet[1 + len(wanted) :]] == [s for _, s in sums]

    report = desk.accountant.get(f"{API}/reports?{ASKED}").get_json()
    assert [(item["name"], item["amount"]) for item in report["items"]] == expected
    assert [(total["count"], total["amount"]) for total in report["totals"]] == sums


def test_json_goes_on_where_its_first_page_ends(desk: Desk) -> None:
    ready = PayoutStatus.READY
    store(desk, [(day, 100 + day, ready, None, 0) for day in range(7)], ["Ann"] * 5)
    seen: list[int] = []
    after = ""
    while True:
        page = desk.accountant.get(f"{API}/reports?{ASKED}&limit=3{after}").get_json()
        seen += [item["amount"] for item in page["items"]]
        assert page["totals"][-1] == {"status": None, "count": 7, "amount": 721}
        assert (page["from"], page["to"]) == (str(FIRST), str(LAST))
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == list(range(100, 107))


def test_a_file_is_whole_and_adds_up_though_payouts_move_meanwhile(desk: Desk) -> None:
    ready, paid = PayoutStatus.READY, PayoutStatus.SUCCEEDED
    stored = store(desk, [(day, 100, ready, None, 0) for day in range(9)], ["Ann"] * 5)
    look = ranges.payouts_between

    def moved(*args: Any) -> list[Payout]:
        found = look(*args)
        with desk.runtime.database.transaction() as tx:
            tx.execute(payouts.update().values(status=paid))
        return found

    with patch.object(ranges, "payouts_between", moved):
        rows = csv_rows(desk.accountant.get(f"{API}/reports.csv?{ASKED}").data)
    assert len(rows) == 1 + len(stored) + 3
    assert [row[1:3] for row in rows[-3:]] == [
        ["Total: ready (3)", "3.00"],
        ["Total: succeeded (6)", "6.00"],
        ["Total: all (9)", "9.00"],
    ]


def test_without_a_range_it_is_the_last_thirty_days(desk: Desk) -> None:
    page = desk.accountant.get("/billing/reports")
    assert page.status_code == 200
    assert 'value="2026-02-09"' in page.text
    assert 'value="2026-03-10"' in page.text
    assert "Nobody is paid for these days." in page.text


@pytest.mark.parametrize(
    "asked", ["from=x", "from=2026-03-09&to=2026-03-01", "to=2026-03-11", "from=2020-01-01"]
)
def test_a_wrong_range_is_refused_beside_the_form(desk: Desk, asked: str) -> None:
    page = desk.accountant.get(f"/billing/reports?{asked}")
    assert page.status_code == 422
    assert 'id="range-error"' in page.text
    for ending in ("", ".csv", ".xlsx"):
        assert desk.accountant.get(f"{API}/reports{ending}?{asked}").status_code == 422


def test_files_have_names_and_types(desk: Desk) -> None:
    kinds = {".csv": "text/csv; charset=utf-8", ".xlsx": "application/vnd.openxmlformats-"}
    for ending, kind in kinds.items():
        answer = desk.accountant.get(f"{API}/reports{ending}?{ASKED}")
        assert answer.content_type.startswith(kind)
        name = f"payouts-2026-02-20-2026-03-09{ending}"
        assert name in answer.headers["Content-Disposition"]
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_large_file_is_sent_from_disk_as_a_small_one_is_from_memory(desk: Desk) -> None:
    store(desk, [(day, 100, PayoutStatus.READY, None, 0) for day in range(5)], ["Ann"] * 5)
    small = desk.accountant.get(f"{API}/reports.csv?{ASKED}").data
    with (
        patch("chassis.spreadsheets.IN_MEMORY_BYTES", 10),
        desk.accountant.get(f"{API}/reports.csv?{ASKED}") as answer,
    ):
        assert answer.get_data() == small
    assert len(csv_rows(small)) == 1 + 5 + 2


def test_the_report_shows_without_auth(desk: Desk) -> None:
    store(desk, [(0, 100, PayoutStatus.READY, None, 0)], ["Ann"] * 5)
    desk.bench.fakes["auth"].away = True
    assert "name unavailable" in desk.accountant.get(f"/billing/reports?{ASKED}").text
    rows = csv_rows(desk.accountant.get(f"{API}/reports.csv?{ASKED}").data)
    assert rows[1][1] == "name unavailable"

"""What managers see: ranges, periods, charts; and that nobody else does."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from chassis.security import IMAGE_SECURITY_POLICY
from tests.integration.analytics.conftest import assigned, closed, days_of, moment
from tests.support import Workbench

AtWork = Callable[..., Workbench]
DAYS, TOP = "/analytics/api/v1/days", "/analytics/api/v1/top-task"
PAGES = ("/analytics/", "/analytics/charts/profit.svg", "/analytics/charts/losers.svg")


@pytest.fixture
def bench(at_work: AtWork) -> Workbench:
    """Monday the 9th: k-1 for $30; Sunday the 8th: k-2 for $40; 28th of February: k-3 for $35."""
    made = at_work()
    made.hear(
        assigned("1", "ann", 1500, moment(9)),
        closed("1", "ann", 3000, moment(9)),
        closed("2", "ann", 4000, moment(8)),
        closed("3", "bob", 3500, moment(28, month=2)),
        assigned("4", "cid", 1700, moment(10)),
    )
    made.fakes["tasks"].lists["/api/v1/tasks"] = [{"id": "k-1", "title": "Paint <the> cage"}]
    return made


def test_by_default_the_last_thirty_days_up_to_today_are_shown(bench: Workbench) -> None:
    rows = days_of(bench)
    assert min(rows) == "2026-02-09" and max(rows) == "2026-03-10" and len(rows) == 30
    assert list(rows) == sorted(rows)
    assert rows["2026-02-28"] == (-3500, 0, "k-3", 3500)
    assert rows["2026-03-10"] == (1700, 1, None, None)


def test_a_row_has_exactly_the_fields_of_the_contract(bench: Workbench) -> None:
    answer = bench.client("admin").get(f"{DAYS}?from=2026-03-09&to=2026-03-09").get_json()
    assert answer == {
        "items": [
            {
                "date": "2026-03-09",
                "profit": -1500,
                "losers": 0,
                "task_top_id": "k-1",
                "task_top_reward": 3000,
            }
        ],
        "next": None,
    }


def test_long_ranges_come_in_pages(bench: Workbench) -> None:
    client, seen, after = bench.client("manager"), [], ""
    while after is not None:
        answer = client.get(
            f"{DAYS}?from=2025-03-01&limit=150" + (f"&after={after}" if after else "")
        )
        seen += [row["date"] for row in answer.get_json()["items"]]
        after = answer.get_json()["next"]
    assert len(seen) == 375 and seen == sorted(set(seen))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ("2026-03-10", "2026-03-10", None, None)),
        ("period=day&date=2026-03-09", ("2026-03-09", "2026-03-09", "k-1", 3000)),
        ("date=2026-03-08", ("2026-03-08", "2026-03-08", "k-2", 4000)),
        ("period=week", ("2026-03-09", "2026-03-15", "k-1", 3000)),
        ("period=week&date=2026-03-08", ("2026-03-02", "2026-03-08", "k-2", 4000)),
        ("period=month", ("2026-03-01", "2026-03-31", "k-2", 4000)),
        ("period=month&date=2026-02-01", ("2026-02-01", "2026-02-28", "k-3", 3500)),
        ("period=month&date=2024-02-29", ("2024-02-01", "2024-02-29", None, None)),
        ("from=2026-02-28&to=2026-03-07", ("2026-02-28", "2026-03-07", "k-3", 3500)),
        ("from=2026-02-20", ("2026-02-20", "2026-03-10", "k-2", 4000)),
    ],
)
def test_the_priciest_task_of_a_period(
    bench: Workbench, query: str, expected: tuple[str, str, str | None, int | None]
) -> None:
    answer = bench.client("manager").get(f"{TOP}?{query}")
    assert answer.get_json() == dict(
        zip(("from", "to", "task_id", "reward"), expected, strict=True)
    )


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-03-11",
        "to=2026-03-11",
        "to=9999-12-31",
        "from=2026-03-09&to=2026-03-08",
        "from=2025-01-01&to=2026-03-10",
        "from=0001-01-01",
        "from=yesterday",
        "from=1",
        "from=",
        "from=2026-02-30",
        "from=2026-03-09T00:00:00",
        "from=20260309",
        "from=" + "1" * 10_000,
        "first=2026-03-09",
    ],
)
def test_a_range_that_cannot_be_shown_is_refused_with_a_sentence(
    bench: Workbench, query: str
) -> None:
    for path in (DAYS, TOP):
        answer = bench.client("manager").get(f"{path}?{query}")
        assert answer.status_code == 422, (path, answer.text)
        assert answer.get_json()["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "period=year",
        "period=",
        "date=2026-03-11",
        "date=9999-12-31",
        "date=x",
        "period=week&from=2026-03-01",
        "date=2026-03-01&to=2026-03-02",
    ],
)
def test_a_period_that_is_none_is_refused(bench: Workbench, query: str) -> None:
    assert bench.client("manager").get(f"{TOP}?{query}").status_code == 422


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "after=bm9uc2Vuc2U", "after=WyJ4Il0", "after=WzFd"]
)
def test_a_bad_page_is_refused(bench: Workbench, query: str) -> None:
    assert bench.client("manager").get(f"{DAYS}?{query}").status_code == 422


def test_the_days_begin_and_end_in_the_companys_time_zone(at_work: AtWork) -> None:
    bench = at_work(timezone="Pacific/Kiritimati")  # 14 hours ahead
    assert list(days_of(bench))[-1] == "2026-03-11"
    assert bench.client("manager").get(f"{DAYS}?to=2026-03-11").status_code == 200
    assert bench.client("manager").get(f"{DAYS}?to=2026-03-12").status_code == 422


@pytest.mark.parametrize("path", [DAYS, TOP, *PAGES])
def test_only_managers_and_admins_get_in(bench: Workbench, path: str) -> None:
    for role in ("manager", "admin"):
        assert bench.client(role).get(path).status_code == 200
    for role in ("worker", "accountant"):
        assert bench.client(role).get(path).status_code == 403
    assert bench.client().get(path).status_code == (401 if "/api/" in path else 302)
    assert bench.client().get(path, headers=bench.as_service("tasks")).status_code == 403


def test_the_link_is_shown_to_those_who_may_follow_it(bench: Workbench) -> None:
    page = bench.client("manager").get("/analytics/").text
    assert 'href="/analytics/"' in page
    assert 'href="/analytics/"' not in bench.client("worker").get("/analytics/").text


def test_the_page_shows_figures_titles_and_charts(bench: Workbench) -> None:
    page = bench.client("manager").get("/analytics/?from=2026-03-08&to=2026-03-10").text
    assert "-$15.00" in page and "-$40.00" in page and "$17.00" in page
    assert '<a href="/tasks/k-1">Paint &lt;the&gt; cage</a>' in page
    assert '<a href="/tasks/k-2">title unavailable</a>' in page
    assert 'src="/analytics/charts/profit.svg?from=2026-03-08&amp;to=2026-03-10"' in page
    assert page.count("<img") >= 3 and page.count('alt=""') <= 1
    assert "Earned in these days: -$38.00" in page


def test_the_page_of_an_earlier_range_shows_today_beside_it(bench: Workbench) -> None:
    page = bench.client("manager").get("/analytics/?from=2026-02-27&to=2026-02-28").text
    assert "Earned in these days: -$35.00" in page
    assert "$17.00" in page  # today
    assert re.search(r"In the negative\D+0\D", page)  # nobody was then
    assert re.search(r"Popugs in the negative</div>\s*<div class=\"stat-value\">1<", page)
    assert "/tasks/k-3" in page and "/tasks/k-2" in page  # of that day, and of this month


def test_the_page_works_while_tasks_is_away(bench: Workbench) -> None:
    bench.fakes["tasks"].away = True
    page = bench.client("manager").get("/analytics/")
    assert page.status_code == 200 and "title unavailable" in page.text


def test_a_bad_range_on_the_page_keeps_what_was_typed(bench: Workbench) -> None:
    for query in ("from=2026-03-09&to=2026-03-08", "from=x", "to=2027-01-01"):
        answer = bench.client("manager").get(f"/analytics/?{query}")
        assert answer.status_code == 422 and 'id="range-error"' in answer.text
        assert "Earned today" in answer.text
    assert 'value="x"' in bench.client("manager").get("/analytics/?from=x").text
    for path in PAGES[1:]:
        assert bench.client("manager").get(f"{path}?from=x").status_code == 422


@pytest.mark.parametrize("path", PAGES[1:])
@pytest.mark.parametrize("query", ["", "from=2026-03-10", "from=2025-03-01", "to=2020-01-01"])
def test_charts_are_images_without_script_from_elsewhere(
    bench: Workbench, path: str, query: str
) -> None:
    answer = bench.client("manager", language="ru").get(f"{path}?{query}")
    assert answer.status_code == 200 and answer.mimetype == "image/svg+xml"
    assert answer.headers["Content-Security-Policy"] == IMAGE_SECURITY_POLICY
    ElementTree.fromstring(answer.data)
    assert b"kozea" not in answer.data and b" src=" not in answer.data


def test_the_chart_of_losers_counts_in_whole_popugs(bench: Workbench) -> None:
    image = bench.client("manager").get("/analytics/charts/losers.svg?from=2026-03-10").text
    labels = [e.text for e in ElementTree.fromstring(image).iter() if e.text in set("012345")]
    assert {"0", "1", "5"} <= set(labels)


def test_a_day_begins_at_midnight_of_the_clock(bench: Workbench) -> None:
    bench.clock.put(datetime(2026, 3, 11, 0, 0, tzinfo=UTC))
    assert list(days_of(bench))[-1] == "2026-03-11"


def test_a_chart_of_days_without_work_has_an_axis_in_whole_amounts(bench: Workbench) -> None:
    days = "from=2026-01-01&to=2026-01-10"
    image = bench.client("manager").get(f"/analytics/charts/profit.svg?{days}").text
    assert "$100.00" in image and "$0.01" not in image

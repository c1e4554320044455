"""Events become figures: each once, in any order, on the right day; and again from zero."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

import analytics
from analytics import facts
from analytics.cli import analytics as rebuild_analytics
from analytics.models import counted, days, gate, loser_changes, standings, user_days
from analytics.rebuild import rebuild
from chassis.database import Reading
from chassis.migrations import differences
from chassis.outbox import metadata as chassis_metadata
from chassis.runtime import Runtime
from contracts.auth import AccessChanged
from tests.integration.analytics.conftest import (
    assigned,
    closed,
    corrected,
    days_of,
    moment,
    paid,
)
from tests.support import Workbench

AtWork = Callable[..., Workbench]


def everything(reading: Reading) -> list[list[Any]]:
    """All rows of all tables of figures."""
    return [
        sorted(tuple(row) for row in reading.execute(select(table)))
        for table in (days, user_days, counted, standings)
    ] + [sorted((day, by) for day, by in reading.execute(select(loser_changes)) if by)]


def test_the_migrated_tables_are_the_declared_ones(at_work: AtWork) -> None:
    database = at_work().runtime().database
    assert differences(database, analytics.service.metadata, chassis_metadata) == []


def test_a_day_worked_out_by_hand(at_work: AtWork) -> None:
    bench = at_work()
    bench.hear(
        assigned("1", "ann", 1500, moment(8)),
        assigned("2", "bob", 1000, moment(8)),
        closed("1", "ann", 2500, moment(8)),
        assigned("3", "bob", 2000, moment(9)),
        closed("2", "bob", 4000, moment(9)),
        closed("3", "bob", 3900, moment(9)),
        paid("1", "ann", 1000, date(2026, 3, 8)),
        assigned("4", "ann", 1200, moment(10)),
        corrected("1", "ann", 1200, date(2026, 3, 10)),
    )
    # ann: 8th −15 +25 −10 = 0; 10th −12 +12 = 0. bob: 8th −10; 9th −20 +40 +39 → +49.
    assert days_of(bench, "from=2026-03-07") == {
        "2026-03-07": (0, 0, None, None),
        "2026-03-08": (0, 1, "k-1", 2500),
        "2026-03-09": (2000 - 4000 - 3900, 0, "k-2", 4000),
        "2026-03-10": (1200, 0, None, None),
    }


def test_the_day_is_that_of_the_companys_time_zone_and_of_the_facts_own_time(
    at_work: AtWork,
) -> None:
    bench = at_work(timezone="America/New_York")
    bench.hear(
        assigned("1", "ann", 1500, moment(9, 3)),  # the 8th, 23:00 in summer time there
        assigned("2", "ann", 1000, moment(9, 4)),  # the 9th, 0:00
        closed("1", "ann", 2500, moment(10, 2)),  # the 9th, 22:00
    )
    assert days_of(bench, "from=2026-03-08") == {
        "2026-03-08": (1500, 1, None, None),
        "2026-03-09": (1000 - 2500, 0, "k-1", 2500),
        "2026-03-10": (0, 0, None, None),
    }


def test_of_equal_rewards_the_smallest_id_is_on_top_in_any_order(at_work: AtWork) -> None:
    events = [closed(id, "ann", reward, moment(9)) for id, reward in
              (("c", 3000), ("b", 3000), ("d", 3000), ("a", 2900))]  # fmt: skip
    for order in (events, events[::-1], [events[1], events[3], events[0], events[2]]):
        bench = at_work()
        for event in order:
            bench.hear(event)
        assert days_of(bench)["2026-03-09"][2:] == ("k-b", 3000)


def test_a_late_entry_changes_the_days_from_its_own_on(at_work: AtWork) -> None:
    bench = at_work()
    bench.hear(closed("1", "ann", 2000, moment(5)), assigned("2", "ann", 1000, moment(9)))
    assert [row[1] for row in days_of(bench, "from=2026-03-04").values()] == [0] * 7
    bench.hear(assigned("3", "ann", 1500, moment(4)))
    # the 4th: −15; the 5th: +5; from the 9th: −5
    assert [row[1] for row in days_of(bench, "from=2026-03-04").values()] == [1, 0, 0, 0, 0, 1, 1]
    assert [row[1] for row in days_of(bench, "from=2026-03-06&to=2026-03-09").values()] == [
        0, 0, 0, 1,
    ]  # fmt: skip


def test_debts_from_before_the_range_count_in_it(at_work: AtWork) -> None:
    bench = at_work()
    bench.hear(
        assigned("1", "ann", 1000, moment(1, month=1)),
        assigned("2", "bob", 1000, moment(2, month=1)),
        closed("2", "bob", 1000, moment(3, month=1)),
        assigned("3", "cid", 1000, moment(10)),
    )
    found = days_of(bench, "from=2026-03-08&to=2026-03-10")
    assert [row[1] for row in found.values()] == [1, 1, 2]


def test_a_sum_of_zero_is_no_debt(at_work: AtWork) -> None:
    bench = at_work()
    bench.hear(assigned("1", "ann", 2000, moment(9)), closed("1", "ann", 2000, moment(9)))
    assert days_of(bench)["2026-03-09"][1] == 0


def test_the_same_fact_under_another_event_id_counts_once(at_work: AtWork) -> None:
    bench = at_work()
    events = [
        assigned("1", "ann", 1500, moment(9)),
        closed("1", "ann", 2500, moment(9)),
        paid("1", "ann", 700, date(2026, 3, 9)),
        corrected("1", "ann", 100, date(2026, 3, 9)),
    ]
    bench.hear(*events, *events)
    before = bench.runtime().database.read(everything)
    bench.hear(*events[::-1])
    assert bench.runtime().database.read(everything) == before
    assert before[1] == [("ann", date(2026, 3, 9), -1500 + 2500 - 700 + 100)]


PEOPLE = ("ann", "bob", "cid")
STORY: list[Any] = [
    event
    for n in range(12)
    for event in (
        assigned(f"{n:02}", PEOPLE[n % 3], 1000 + 100 * (n % 5), moment(1 + n % 6, 5)),
        closed(f"{n:02}", PEOPLE[(n + 1) % 3], 2000 + 500 * (n % 3), moment(2 + n % 7)),
        paid(f"{n:02}", PEOPLE[n % 3], 300 * n, date(2026, 3, 1 + n % 8)),
        corrected(f"{n:02}", PEOPLE[n % 3], (-1) ** n * 1000, date(2026, 3, 1 + n % 9)),
    )
]


def model_of_story() -> dict[str, tuple[int, int, str | None, int | None]]:
    """What the figures must be, by brute force."""
    sums: dict[tuple[str, date], int] = defaultdict(int)
    profit: dict[date, int] = defaultdict(int)
    tops: dict[date, list[tuple[int, str]]] = defaultdict(list)
    for event in STORY:
        if event.type.endswith("assigned.v1"):
            profit[event.assigned_at.date()] += event.fee
            sums[event.assignee_id, event.assigned_at.date()] -= event.fee
        elif event.type.endswith("closed.v1"):
            profit[event.closed_at.date()] -= event.reward
            sums[event.assignee_id, event.closed_at.date()] += event.reward
            tops[event.closed_at.date()].append((-event.reward, event.task_id))
        elif event.type.endswith("requested.v1"):
            sums[event.user_id, event.date] -= event.amount
        else:
            sums[event.user_id, event.date] += event.sum
    rows = {}
    for day in (date(2026, 3, 1) + timedelta(days=n) for n in range(10)):
        balances = [
            sum(s for (who, when), s in sums.items() if who == user and when <= day)
            for user in PEOPLE
        ]
        top = min(tops[day], default=None)
        rows[day.isoformat()] = (
            profit[day],
            sum(balance < 0 for balance in balances),
            top[1] if top else None,
            -top[0] if top else None,
        )
    return rows


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_any_order_duplicates_and_batch_sizes_give_the_same_rows(
    at_work: AtWork, data: st.DataObject
) -> None:
    bench = at_work()
    copies = data.draw(st.lists(st.integers(1, 5), min_size=len(STORY), max_size=len(STORY)))
    bodies = [
        bench.envelope(event, f"e-{n}") for n, event in enumerate(STORY) for _ in range(copies[n])
    ]
    data.draw(st.randoms(use_true_random=False)).shuffle(bodies)
    while bodies:
        size = data.draw(st.integers(1, len(bodies)))
        bench.runtime().consumer.deliver(bodies[:size])
        bodies = bodies[size:]
    assert days_of(bench, "from=2026-03-01") == model_of_story()
    database = bench.runtime().database
    before = database.read(everything)
    assert len(before[2]) == len(STORY)
    database.run(rebuild)
    assert database.read(everything) == before


def test_a_rebuild_mends_what_was_spoilt_and_keeps_what_is_no_figure(at_work: AtWork) -> None:
    bench = at_work()
    bench.hear(*STORY, AccessChanged(user_id="u-manager", role="worker", active=True, epoch=2))
    database = bench.runtime().database
    before = database.read(everything)
    with database.transaction() as tx:
        tx.execute(days.update().values(fees=1))
        tx.execute(user_days.delete())
        tx.execute(standings.update().values(balance=7))
        tx.execute(loser_changes.delete())
        tx.insert(counted, [{"kind": "fee", "source_id": "ghost"}])
    assert database.read(everything) != before
    assert database.run(rebuild) == 8
    assert database.read(everything) == before
    with database.reading() as reading:
        assert reading.execute(select(gate.c.rebuilt_at)).scalar_one() == bench.clock.now()
    assert bench.client("manager").get("/analytics/api/v1/days").status_code == 403


def test_events_after_a_rebuild_are_counted_on(at_work: AtWork) -> None:
    bench = at_work()
    bench.hear(assigned("1", "ann", 1500, moment(9)))
    bench.runtime().database.run(rebuild)
    bench.hear(assigned("1", "ann", 1500, moment(9)), assigned("2", "ann", 1000, moment(9)))
    assert days_of(bench)["2026-03-09"] == (2500, 1, None, None)


def test_a_rebuild_that_fails_leaves_the_figures_as_they_were(
    at_work: AtWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at_work()
    bench.hear(*STORY)
    database = bench.runtime().database
    before = database.read(everything)

    def broken(*_: object) -> None:
        raise OSError("disk")

    monkeypatch.setattr("analytics.rebuild.apply", broken)
    with pytest.raises(OSError, match="disk"):
        database.run(rebuild)
    assert database.read(everything) == before


def test_the_command_rebuilds_and_says_so(at_work: AtWork, tmp_path: Path) -> None:
    bench = at_work()
    bench.hear(*STORY)

    @contextmanager
    def open_runtime(name: str) -> Iterator[Runtime]:
        yield bench.runtime(name)

    said = CliRunner().invoke(rebuild_analytics, obj=open_runtime)
    assert (said.exit_code, said.output) == (0, "Rebuilt: 8 days with work.\n")
    said = CliRunner().invoke(rebuild_analytics, ["--json"], obj=open_runtime)
    assert (said.exit_code, json.loads(said.output)) == (0, {"days": 8})
    with bench.runtime().database.transaction() as tx:
        tx.execute(
            chassis_metadata.tables["inbox"].update().values(payload=b"not an event any more")
        )
    said = CliRunner().invoke(rebuild_analytics, obj=open_runtime)
    assert said.exit_code == 1 and "a kept event cannot be read" in said.output
    assert len(days_of(bench, "from=2026-03-01")) == 10


def test_the_reconciliation_reads_days_and_popugs(at_work: AtWork) -> None:
    bench = at_work()
    bench.hear(assigned("1", "ann", 1500, moment(9)), closed("1", "ann", 2500, moment(8)))
    with bench.runtime().database.reading() as reading:
        assert list(facts.days(reading)) == [
            facts.DayFact(date(2026, 3, 8), -2500, "k-1", 2500),
            facts.DayFact(date(2026, 3, 9), 1500, None, None),
        ]
        assert list(facts.user_days(reading)) == [
            facts.UserDayFact("ann", date(2026, 3, 8), 2500),
            facts.UserDayFact("ann", date(2026, 3, 9), -1500),
        ]

"""Closing by many at once, and after crashes: nobody is paid twice, nobody is missed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from accounts import closing, commands, domain
from chassis.database import Database, Transaction
from tests.integration.accounts.desk import (
    API,
    TODAY,
    assigned,
    at,
    balances,
    booked,
    closed,
    payouts,
    recorded,
)
from tests.support import Workbench

YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "ACCOUNTS_AT_ONCE", 3)


@pytest.fixture
def twenty(bench: Workbench) -> Workbench:
    """Users 00 to 19: the even ones earn 100 and their number, the odd ones owe 50."""
    bench.hear(*[closed(f"t{n}", f"u{n:02}", 100 + n, at(9)) for n in range(0, 20, 2)])
    bench.hear(*[assigned(f"a{n}", f"u{n:02}", 50, at(9)) for n in range(1, 20, 2)])
    return bench


PAID = {(f"u{n:02}", YESTERDAY, 100 + n) for n in range(0, 20, 2)}
FIGURES = ("closed", 10, 1090)


def other_processes(bench: Workbench, count: int) -> Iterator[Database]:
    """The same file as other processes would open it, with no lock in common."""
    own = bench.runtime().database
    for _ in range(count):
        yield Database(own.url, own.clock, own.settings, own.source)


def test_four_processes_close_the_same_day_at_once(twenty: Workbench, database: Database) -> None:
    closers = list(other_processes(twenty, 4))
    with ThreadPoolExecutor(4) as pool:
        days = list(pool.map(lambda d: closing.close_day(d, YESTERDAY, "carol"), closers))
    for closer in closers:
        closer.dispose()
    assert {(day.status, day.payouts, day.amount) for day in days} == {FIGURES}
    assert payouts(database) == PAID
    assert len(twenty.emitted()) == 10


def test_four_requests_close_the_same_day_at_once(twenty: Workbench, database: Database) -> None:
    def ask(_: int) -> tuple[int, object]:
        answer = twenty.client("accountant").post(f"{API}/days/{YESTERDAY}/close")
        return answer.status_code, answer.get_json()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    expected = {"date": "2026-03-09", "status": "closed", "payouts": 10, "amount": 1090}
    assert answers == [(200, expected)] * 4
    assert payouts(database) == PAID


def test_work_goes_on_while_days_are_closed(twenty: Workbench, database: Database) -> None:
    """No entry slips into a day that is being closed, and none is lost."""
    workers = list(other_processes(twenty, 3))

    def work(lane: int) -> None:
        for n in range(15):
            posting = domain.reward(f"x{lane}-{n}", f"u{n:02}", 7, at(9, 20))
            workers[lane].run(commands.post, [posting])

    with ThreadPoolExecutor(3) as pool:
        lanes = [pool.submit(work, lane) for lane in (0, 1)]
        closer = pool.submit(closing.close_day, workers[2], YESTERDAY, "carol")
        for lane in lanes:
            lane.result()
        assert closer.result().status == "closed"
    for worker in workers:
        worker.dispose()
    entries = booked(database, "user_id", "day", "sum")
    assert len([e for e in entries if e[2] == 7]) == 30
    paid = {user: amount for user, _day, amount in payouts(database)}
    for user in {user for user, _day, _amount in PAID}:
        of_yesterday = [s for u, d, s in entries if (u, d) == (user, YESTERDAY) and s > 0]
        assert paid[user] == sum(of_yesterday)


class Crash(Exception):
    """The process dies here."""


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """From now on the process dies just before its n-th commit of a step that pays."""

    def arm(survives: int) -> None:
        left = [survives]

        def pay_or_die(tx: Transaction, day: date, chunk: dict[str, int]) -> list[int]:
            paid = original(tx, day, chunk)
            left[0] -= 1
            if left[0] < 0:
                raise Crash
            return paid

        monkeypatch.setattr(closing, "_pay", pay_or_die)

    original = closing._pay
    return arm


# 20 accounts by 3 are 7 steps.
@pytest.mark.parametrize("steps", range(7))
def test_a_crash_in_any_step_is_made_good(
    twenty: Workbench, database: Database, crashing: Callable[[int], None], steps: int
) -> None:
    crashing(steps)
    with pytest.raises(Crash):
        closing.close_day(database, YESTERDAY, "carol")
    assert recorded(database)[YESTERDAY][0] == "closing"
    crashing(1_000)
    twenty.settle()
    assert recorded(database) == {YESTERDAY: FIGURES}
    assert payouts(database) == PAID
    assert balances(database)["u01"] == -50


def test_a_crash_at_every_step_is_made_good(
    twenty: Workbench, database: Database, crashing: Callable[[int], None]
) -> None:
    crashes = 0
    while True:
        crashing(1)
        try:
            day = closing.close_day(database, YESTERDAY, "carol")
            break
        except Crash:
            crashes += 1
    assert crashes == 6
    assert (day.status, day.payouts, day.amount) == FIGURES
    assert payouts(database) == PAID


def test_the_job_is_woken_to_finish_what_somebody_began(
    twenty: Workbench, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(database, "on_wake", woken.append)
    database.run(closing.begin_closing, YESTERDAY, "carol")
    assert woken == ["close days"]
    twenty.runtime().jobs.run_all()
    assert recorded(database) == {YESTERDAY: FIGURES}


def test_while_a_day_is_being_closed_it_says_so_and_takes_no_entries(
    twenty: Workbench, database: Database
) -> None:
    database.run(closing.begin_closing, YESTERDAY, "carol")
    database.run(closing.close_chunk)
    client = twenty.client("accountant")
    half = client.get(f"{API}/days/{YESTERDAY}").get_json()
    assert half == {"date": "2026-03-09", "status": "closing", "payouts": 2, "amount": 202}
    company = client.get(f"{API}/company?from={YESTERDAY}").get_json()["items"]
    assert [(day["payouts"], day["closed"]) for day in company] == [(202, False), (0, False)]
    twenty.hear(closed("late", "u19", 1000, at(9)))
    assert booked(database, "day", source_id="late") == [TODAY]
    twenty.settle()
    assert payouts(database) == PAID
    assert balances(database)["u19"] == 950

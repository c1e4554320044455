"""A popug hears of each failure of his payout once, and that his money has come back."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from contracts.billing import RETURNED, PayoutFailed, PayoutSucceeded
from mailer import facts
from mailer.jobs import send_mails
from tests.integration.mailer.conftest import DAY, requested
from tests.support import Workbench

FACTS: dict[str, Any] = {"payout_id": "p1", "user_id": "u1", "date": DAY, "amount": 1250}
BACK = f"{RETURNED}: account closed"


@pytest.fixture
def bench(at_work: Callable[..., Workbench]) -> Workbench:
    return at_work()


def failed(number: int, returned: bool = False) -> PayoutFailed:
    reason = BACK if returned else "card declined"
    return PayoutFailed(**FACTS, reason=reason, returned=returned, failure=number)


def kinds(bench: Workbench) -> list[tuple[str, int]]:
    found = bench.runtime().database.read(lambda reading: list(facts.mails(reading)))
    return sorted((fact.kind, fact.number) for fact in found)


def subjects(bench: Workbench) -> list[str]:
    while send_mails(bench.runtime()):
        pass
    items = bench.client("admin").get("/mailer/api/v1/mails").get_json()["items"]
    assert len({mail["id"] for mail in items}) == len(items)
    return [mail["subject"] for mail in items if "on its way" not in mail["subject"]]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_each_failure_is_told_once_in_any_order_and_however_often_it_is_heard(
    bench: Workbench, order: tuple[int, ...]
) -> None:
    events = (failed(1), failed(2), failed(3, returned=True))
    bench.hear(requested())
    for number in order:
        bench.hear(events[number], events[number])
    bench.hear(*events)
    assert kinds(bench) == [("failed", 1), ("failed", 2), ("payout", 1), ("returned", 3)]
    told = subjects(bench)
    assert len(told) == 3
    assert sum("did not go through" in subject for subject in told) == 2
    assert sum("came back" in subject for subject in told) == 1


def test_one_batch_may_hold_several_failures_of_a_payout(bench: Workbench) -> None:
    bench.hear(failed(1), failed(2), failed(1))
    assert kinds(bench) == [("failed", 1), ("failed", 2)]
    rows = bench.client("admin").get(f"/mailer/api/v1/payout-mails?date={DAY}").get_json()["items"]
    assert sorted((row["kind"], row["number"]) for row in rows) == [("failed", 1), ("failed", 2)]


def test_that_money_has_come_back_is_told_whatever_mails_he_wants(bench: Workbench) -> None:
    nothing = {"on_its_way": False, "paid": False, "cancelled": False}
    me = bench.client("worker", "u1")
    assert me.put("/mailer/api/v1/preferences/me", json=nothing).status_code == 200
    bench.hear(failed(1, returned=True))
    assert len(subjects(bench)) == 1
    (mail,) = bench.client("admin").get("/mailer/api/v1/mails").get_json()["items"]
    assert "account closed" in mail["text"] and RETURNED not in mail["text"]
    assert "turned such mails off" not in me.get(f"/mailer/mails/{mail['id']}").text


def test_the_page_says_that_it_came_back_until_it_is_paid_again(bench: Workbench) -> None:
    page = bench.client("worker", "u1")
    bench.hear(requested(), failed(1))
    assert "refused by the bank" in page.get("/mailer/").text
    bench.clock.advance(hours=1)
    bench.hear(PayoutSucceeded(**FACTS))
    assert ">paid<" in page.get("/mailer/").text
    bench.clock.advance(hours=1)
    bench.hear(failed(2, returned=True))
    assert "came back from the bank" in page.get("/mailer/").text
    bench.clock.advance(hours=1)
    bench.hear(PayoutSucceeded(**FACTS))
    assert ">paid<" in page.get("/mailer/").text

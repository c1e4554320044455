"""The bank as a guest: asked without a socket, over a file that several processes share."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import billing
from bank import faults
from billing import checks
from billing.domain_cards import CardNumber
from billing.gateway import Accepted, AnswerLost, Refused
from billing.gateways.bank import BankGateway
from chassis.guests import guest_secret
from chassis.settings import load_settings
from tests.integration.billing.conftest import GOOD_CARD, Desk
from tests.support import Workbench
from tests.waiting import wait_for

GOOD = CardNumber(GOOD_CARD)


def test_nothing_is_opened_before_somebody_is_paid(desk: Desk) -> None:
    file = desk.bench.settings.data / "bank.db"
    desk.work()
    assert checks.run(desk.runtime) == []
    assert not file.exists()
    desk.store_card()
    desk.request()
    desk.work()
    assert file.exists() and desk.status() == "succeeded"


def test_its_secret_is_random_and_for_the_owner_alone(tmp_path: Path) -> None:
    embedded = load_settings({}, data=tmp_path)
    secret = guest_secret(embedded, "bank")
    assert len(secret) == 64 and guest_secret(embedded, "bank") == secret
    assert (tmp_path / "keys/bank.key").stat().st_mode & 0o777 == 0o600
    # Where keys are given, none is made among them.
    server = load_settings({}, data=tmp_path, database_url="mysql+pymysql://u@h/{service}")
    assert guest_secret(server, "bank") != secret
    assert (tmp_path / "bank.key").stat().st_mode & 0o777 == 0o600


def test_of_many_who_make_the_secret_at_once_all_have_the_same(tmp_path: Path) -> None:
    settings = load_settings({}, data=tmp_path)
    found: list[str] = []
    at_once = threading.Barrier(16)

    def make() -> None:
        at_once.wait()
        found.append(guest_secret(settings, "bank"))

    threads = [threading.Thread(target=make) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1 and len(found) == 16
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["bank.key"]


def test_it_answers_under_its_path_to_who_has_the_secret_alone(desk: Desk) -> None:
    client = desk.bench.client("admin")
    assert client.get("/bank/v1/book").status_code == 401
    assert client.get("/bank/admin/faults").status_code == 401
    secret = guest_secret(desk.bench.settings, "bank")
    given = {"Authorization": f"Bearer {secret}"}
    assert client.get("/bank/admin/faults", headers=given).get_json() == {}
    assert secret not in str(desk.accountant.get("/billing/payouts").headers)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"bank_url": "http://127.0.0.1:1", "bank_key": "k"},
        {
            "gateway": "yookassa",
            "yookassa_agent_id": "1",
            "yookassa_secret": "s",
            "currency": "RUB",
        },
    ],
)
def test_where_another_pays_there_is_no_guest(
    workbench: Callable[..., Workbench], elsewhere: dict[str, Any]
) -> None:
    bench = workbench(billing.service, **elsewhere)
    assert bench.client().get("/bank/v1/book").status_code == 404


def test_a_slow_answer_is_not_waited_for(workbench: Callable[..., Workbench]) -> None:
    desk = Desk(workbench(billing.service))
    bank = BankGateway(desk.runtime)
    hasty = BankGateway(desk.runtime)
    hasty.patience_seconds = 0.3
    bank.call("PUT", "/admin/faults", json={faults.DELAY: 1000, "delay_ms": 3_000})
    with pytest.raises(AnswerLost):
        hasty.pay("k", 700, "USD", GOOD)
    wait_for(lambda: len(desk.book()) == 1, "the bank to have paid all the same")
    assert isinstance(bank.ask("k"), Accepted)


def test_an_answer_that_breaks_off_is_none(desk: Desk) -> None:
    bank = BankGateway(desk.runtime)
    for fault in (faults.DROP_ANSWER, faults.ERROR_AFTER):
        bank.call("PUT", "/admin/faults", json={fault: 1000})
        with pytest.raises(AnswerLost):
            bank.pay(f"k-{fault}", 700, "USD", GOOD)
    assert [line.key for line in desk.book()] == ["k-drop_answer", "k-error_after"]


def test_a_bank_that_cannot_open_its_book_was_certainly_not_reached(desk: Desk) -> None:
    (desk.bench.settings.data / "bank.db").mkdir()
    bank = BankGateway(desk.runtime)
    assert bank.pay("k", 1, "USD", GOOD) == Refused("the bank cannot be reached", final=False)
    (desk.bench.settings.data / "bank.db").rmdir()
    assert isinstance(bank.pay("k", 1, "USD", GOOD), Accepted)

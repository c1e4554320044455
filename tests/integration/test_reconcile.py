"""Reconciliation finds each fault that is planted in the books, and names what differs.

A checker that has never found anything is not to be trusted.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pika
import pytest
from click.testing import CliRunner

from chassis.broker import BrokerAway
from chassis.verdict import Queues
from contracts.billing import PayoutCancelled
from popug.cli import main
from popug.system import system
from tests import rabbitmq
from tests.integration.lived_company import Company
from tests.support import NOON, Workbench


def test_books_that_agree_are_found_to_agree(company: Company) -> None:
    assert company.broken() == {}


# Each plants one fault and gives the id that must be named, and the invariant that must break.


def _missing_fee(company: Company) -> tuple[str, str]:
    fee = company.one("accounts", "SELECT source_id FROM entries WHERE kind = 'fee' LIMIT 1")
    company.rows("accounts", "DELETE FROM entries WHERE kind = 'fee' AND source_id = ?", fee)
    return "every assignment is charged exactly once", fee


def _fee_of_another_amount(company: Company) -> tuple[str, str]:
    fee = company.one("accounts", "SELECT source_id FROM entries WHERE kind = 'fee' LIMIT 1")
    company.rows(
        "accounts", "UPDATE entries SET sum = sum * 2 WHERE kind = 'fee' AND source_id = ?", fee
    )
    return "every assignment is charged exactly once", fee


def _fee_of_another_popug(company: Company) -> tuple[str, str]:
    fee, user = company.rows(
        "accounts", "SELECT source_id, user_id FROM entries WHERE kind = 'fee' LIMIT 1"
    )[0]
    company.rows(
        "accounts",
        "UPDATE entries SET user_id = (SELECT user_id FROM accounts WHERE user_id <> ?) "
        "WHERE kind = 'fee' AND source_id = ?",
        user,
        fee,
    )
    return "every assignment is charged exactly once", str(fee)


def _doubled_reward(company: Company) -> tuple[str, str]:
    task = company.one("accounts", "SELECT source_id FROM entries WHERE kind = 'reward' LIMIT 1")
    columns = "kind, user_id, task_id, occurred_at, day, sum, balance, note, posted_at"
    company.rows(
        "accounts",
        f"INSERT INTO entries (transaction_id, side, source_id, {columns}) "
        f"SELECT 'twice', side, source_id || '-again', {columns} FROM entries "
        "WHERE kind = 'reward' AND source_id = ?",
        task,
    )
    return "every closed task is paid exactly once", f"{task}-again"


def _reward_without_close(company: Company) -> tuple[str, str]:
    task = company.one("tasks", "SELECT id FROM tasks WHERE status = 'closed' LIMIT 1")
    company.rows("tasks", "UPDATE tasks SET status = 'open', closed_at = NULL WHERE id = ?", task)
    return "every closed task is paid exactly once", task


def _close_without_reward(company: Company) -> tuple[str, str]:
    task = company.one("tasks", "SELECT id FROM tasks WHERE status = 'open' LIMIT 1")
    company.rows("tasks", "UPDATE tasks SET status = 'closed' WHERE id = ?", task)
    return "every closed task is paid exactly once", task


def _changed_balance(company: Company) -> tuple[str, str]:
    user = company.one("accounts", "SELECT user_id FROM accounts LIMIT 1")
    company.rows("accounts", "UPDATE accounts SET balance = balance + 1 WHERE user_id = ?", user)
    return "accounts: each balance is the sum of the account's entries", user


def _payout_missing_in_billing(company: Company) -> tuple[str, str]:
    payout = company.one("billing", "SELECT id FROM payouts LIMIT 1")
    company.rows("billing", "DELETE FROM payouts WHERE id = ?", payout)
    return "payouts in accounts are those in billing", payout


def _payout_of_another_amount(company: Company) -> tuple[str, str]:
    payout = company.one("billing", "SELECT id FROM payouts LIMIT 1")
    company.rows("billing", "UPDATE payouts SET amount = amount + 1 WHERE id = ?", payout)
    return "payouts in accounts are those in billing", payout


def _return_without_cancelling(company: Company) -> tuple[str, str]:
    payout = company.one("billing", "SELECT id FROM payouts WHERE status = 'cancelled'")
    company.rows("billing", "UPDATE payouts SET status = 'failed' WHERE id = ?", payout)
    return "cancelled payouts are back on the accounts", payout


def _extra_transfer(company: Company) -> tuple[str, str]:
    company.rows(
        "bank",
        "INSERT INTO transfers (key, reference, amount, currency, card_last4, status, reason, at) "
        "VALUES ('k1', 'SBX-1', 100, 'USD', '1486', 'paid', '', '2026-03-11')",
    )
    return "billing: succeeded payouts are the gateway's book", "k1"


def _missing_transfer(company: Company) -> tuple[str, str]:
    company.rows("bank", "DELETE FROM transfers")
    payout = company.one("billing", "SELECT id FROM payouts WHERE status = 'succeeded'")
    return "billing: succeeded payouts are the gateway's book", payout


def _missing_mail(company: Company) -> tuple[str, str]:
    payout = company.one("mailer", "SELECT payout_id FROM mails WHERE kind = 'payout' LIMIT 1")
    company.rows("mailer", "DELETE FROM mails WHERE kind = 'payout' AND payout_id = ?", payout)
    return "each payout has its mail", payout


def _altered_day(company: Company) -> tuple[str, str]:
    company.rows("analytics", "UPDATE days SET fees = fees + 1 WHERE date = '2026-03-10'")
    return "analytics' days are the company days", "2026-03-10"


def _altered_top_task(company: Company) -> tuple[str, str]:
    company.rows("analytics", "UPDATE days SET top_task_id = 'x' WHERE date = '2026-03-10'")
    return "all events replayed give the same analytics", "2026-03-10"


def _altered_debt(company: Company) -> tuple[str, str]:
    user = company.one("analytics", "SELECT user_id FROM user_days LIMIT 1")
    company.rows("analytics", "UPDATE user_days SET sum = sum - 1 WHERE user_id = ?", user)
    return "all events replayed give the same analytics", user


def _payout_not_counted(company: Company) -> tuple[str, str]:
    """As if analytics had never heard of it: figures and events agree with one another."""
    payout, user, amount = company.rows(
        "accounts",
        "SELECT transaction_id, user_id, sum FROM entries "
        "WHERE kind = 'payout' AND side = 'popug' LIMIT 1",
    )[0]
    company.rows("analytics", "DELETE FROM inbox WHERE instr(CAST(payload AS TEXT), ?) > 0", payout)
    company.rows("analytics", "DELETE FROM counted WHERE kind = 'payout' AND source_id = ?", payout)
    company.rows(
        "analytics",
        "UPDATE user_days SET sum = sum - ? WHERE user_id = ? AND date = '2026-03-10'",
        amount,
        user,
    )
    return "analytics' sums are the balances", str(user)


def _undelivered_events(company: Company) -> tuple[str, str]:
    for _ in range(7):
        company.bench.client("manager").post("/tasks/api/v1/tasks", json={"title": "On its way"})
    statement = "SELECT event_id FROM outbox WHERE sent_at IS NULL ORDER BY position LIMIT 5"
    some = ", ".join(row[0] for row in company.rows("tasks", statement))
    return "no event waits in an outbox", f"tasks: 7 ({some} and 2 more)"


def _parked_event(company: Company) -> tuple[str, str]:
    unknown = PayoutCancelled(payout_id="p?", user_id="u?", date=NOON.date(), amount=1)
    company.bench.hear(unknown, service="accounts")
    event = company.one("accounts", "SELECT event_id FROM parked_events")
    return "no event is parked", f"accounts: 1 (number 1: {event})"


def _queues(company: Company, queues: Queues) -> None:
    for runtime in company.bench.embedded.runtimes.values():
        runtime.look_at_queues = lambda: queues


def _event_in_a_queue(company: Company) -> tuple[str, str]:
    _queues(company, Queues(by_service={"tasks": 0, "mailer": 2}))
    return "no event waits in a queue", "for mailer: 2"


def _event_given_up(company: Company) -> tuple[str, str]:
    _queues(company, Queues(by_service={"tasks": 0}, dead={"tasks": 0, "billing": 1}))
    return "no event waits in a queue", "given up for billing: 1"


def _event_that_nobody_hears(company: Company) -> tuple[str, str]:
    _queues(company, Queues(by_service={"tasks": 0}, unroutable=3))
    return "no event waits in a queue", "heard by no service: 3"


def _queues_that_cannot_be_seen(company: Company) -> tuple[str, str]:
    def away() -> Queues:
        raise BrokerAway("gone")

    for runtime in company.bench.embedded.runtimes.values():
        runtime.look_at_queues = away
    return "no event waits in a queue", "cannot be known: gone"


RIGHTS = "rights are everywhere those of auth"


def _lost_demotion(company: Company) -> tuple[str, str]:
    """As if RabbitMQ had lost it: sent, and heard by nobody but auth itself."""
    user = company.one("auth", "SELECT id FROM users WHERE name = 'Ann'")
    company.promote(user, "manager")
    company.bench.settle()
    company.promote(user, "worker")
    company.rows("auth", "DELETE FROM outbox WHERE sent_at IS NULL")
    return RIGHTS, f"tasks: 1 ({user}: manager at epoch 2, auth says worker at epoch 3)"


def _parked_demotion(company: Company) -> tuple[str, str]:
    """One service alone could not apply it, and somebody has dropped it."""
    user = company.one("auth", "SELECT id FROM users WHERE name = 'Bob'")
    company.promote(user, "manager")
    company.bench.settle()
    company.rows("billing", "UPDATE access SET role = 'worker', epoch = 1 WHERE user_id = ?", user)
    return RIGHTS, f"billing: 1 ({user}: worker at epoch 1, auth says manager at epoch 2)"


def _user_who_was_never_heard_of(company: Company) -> tuple[str, str]:
    user = company.one("auth", "SELECT id FROM users WHERE name = 'Ann'")
    company.rows("mailer", "DELETE FROM access WHERE user_id = ?", user)
    return RIGHTS, f"mailer: 1 ({user}: unknown, auth says worker at epoch 1)"


def _rights_that_auth_never_gave(company: Company) -> tuple[str, str]:
    company.rows("tasks", "INSERT INTO access VALUES ('evil', 'admin', 0, 9, '2026-03-10')")
    return RIGHTS, "tasks: 1 (evil: admin, disabled at epoch 9, auth says unknown)"


def _event_applied_in_part(company: Company) -> tuple[str, str]:
    """Heard, and yet not in the ledger."""
    fee = company.one("accounts", "SELECT source_id FROM entries WHERE kind = 'fee' LIMIT 1")
    company.rows("accounts", "DELETE FROM entries WHERE kind = 'fee' AND source_id = ?", fee)
    return "all events replayed give the same ledger", fee


FAULTS = (
    _missing_fee,
    _fee_of_another_amount,
    _fee_of_another_popug,
    _doubled_reward,
    _reward_without_close,
    _close_without_reward,
    _changed_balance,
    _payout_missing_in_billing,
    _payout_of_another_amount,
    _return_without_cancelling,
    _extra_transfer,
    _missing_transfer,
    _missing_mail,
    _altered_day,
    _altered_top_task,
    _altered_debt,
    _payout_not_counted,
    _undelivered_events,
    _parked_event,
    _event_in_a_queue,
    _event_given_up,
    _event_that_nobody_hears,
    _queues_that_cannot_be_seen,
    _lost_demotion,
    _parked_demotion,
    _user_who_was_never_heard_of,
    _rights_that_auth_never_gave,
    _event_applied_in_part,
)


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__.strip("_"))
def test_a_planted_fault_is_found_and_named(
    company: Company, plant: Callable[[Company], tuple[str, str]]
) -> None:
    invariant, named = plant(company)
    broken = company.broken()
    assert invariant in broken, broken
    assert named in broken[invariant]


def test_the_command_reports_a_difference_by_its_exit_code(
    lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(lived, tmp_path / "copy")
    bench = Workbench(tmp_path / "copy", *system.services)
    monkeypatch.setenv("POPUG_DATA", str(tmp_path / "copy" / "data"))
    command = ["reconcile", "--json", "--wait", "0"]
    assert CliRunner().invoke(main, command).exit_code == 0
    _, fee = _missing_fee(Company(bench))
    bench.close()
    found = CliRunner().invoke(main, command)
    assert found.exit_code == 1
    broken = [row for row in json.loads(found.stdout) if not row["ok"]]
    assert any(fee in row["detail"] for row in broken)


def test_the_command_looks_into_the_queues_of_rabbitmq(
    lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not rabbitmq.reachable():
        pytest.skip("no RabbitMQ server that lets us make virtual hosts")
    shutil.copytree(lived, tmp_path / "copy")
    monkeypatch.setenv("POPUG_DATA", str(tmp_path / "copy" / "data"))
    with rabbitmq.fresh_vhost() as url:
        connection = pika.BlockingConnection(pika.URLParameters(url))
        channel = connection.channel()
        for queue in (f"popug.{name}.v1" for name in system.names):
            channel.queue_declare(queue)
        channel.basic_publish("", "popug.tasks.v1", b"left behind")
        monkeypatch.setenv("POPUG_BROKER_URL", url)

        def queues() -> dict[str, Any]:
            told = CliRunner().invoke(main, ["reconcile", "--json", "--wait", "0"])
            rows = {row["name"]: row for row in json.loads(told.stdout)}
            return {**rows["no event waits in a queue"], "exit_code": told.exit_code}

        found = queues()
        assert (found["exit_code"], found["detail"]) == (1, "for tasks: 1")
        channel.queue_purge("popug.tasks.v1")
        found = queues()
        assert (found["exit_code"], found["detail"]) == (0, "all queues empty")
        connection.close()

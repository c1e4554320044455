"""The money leaves once: whatever breaks, wherever, and however many runners there are."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing import answers, attempts, models
from billing.domain_cards import CardNumber
from billing.gateway import Accepted, Answer, AnswerLost, BookLine, Gateway, NotFound, Refused
from billing.gateways import GATEWAYS
from billing.gateways.bank import BankGateway
from chassis.runtime import Runtime
from tests.integration.billing.conftest import API, DECLINED_CARD, GOOD_CARD, Desk


class Killed(BaseException):
    """Stands for `kill -9`: nothing may catch it."""


def nothing(_: str) -> None:
    """What happens around a call of a bank that is well."""


@dataclass
class Bank:
    """The sandbox with a hand on it: before and after each call something may happen."""

    true_bank: BankGateway
    before: Callable[[str], None] = nothing
    after: Callable[[str], None] = nothing
    answers: list[Any] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    name = "sandbox"
    account = ""
    patience_seconds = 10.0
    key_lifetime = timedelta(days=1)

    def pay(self, key: str, amount: int, currency: str, card_number: CardNumber) -> Answer:
        self.calls.append(("pay", key))
        self.before("pay")
        if self.answers:
            return self.answers.pop(0)  # type: ignore[no-any-return]
        answer = self.true_bank.pay(key, amount, currency, card_number)
        self.after("pay")
        return answer

    def ask(self, key: str, reference: str | None = None) -> Answer | NotFound:
        self.calls.append(("ask", key))
        self.before("ask")
        if self.told:
            return self.told.pop(0)  # type: ignore[no-any-return]
        answer = self.true_bank.ask(key, reference)
        self.after("ask")
        return answer

    def book(self, since: datetime, until: datetime) -> Iterable[BookLine]:
        return self.true_bank.book(since, until)


@pytest.fixture
def bank(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Bank:
    made = Bank(BankGateway(desk.runtime))

    def gateway(_: Runtime) -> Gateway:
        return made

    monkeypatch.setitem(GATEWAYS, "sandbox", gateway)
    desk.store_card()
    desk.request()
    return made


def loses(call: str, error: BaseException) -> Callable[[str], None]:
    def lose(here: str) -> None:
        if here == call:
            raise error

    return lose


# The moments of a run at which it may die, in order, by the number of the step.
STEPS = 6


@pytest.mark.parametrize("step", range(STEPS))
@pytest.mark.parametrize("twice", [False, True])
def test_a_kill_at_any_step_pays_once_and_says_so_once(
    desk: Desk, bank: Bank, monkeypatch: pytest.MonkeyPatch, step: int, twice: bool
) -> None:
    left = [step + 1]

    def die_at_the_step() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    database = desk.runtime.database
    run = database.run

    def dangerous_run(change: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def change_and_die_before_the_commit(tx: Any, *inner: Any, **more: Any) -> Any:
            result = change(tx, *inner, **more)
            die_at_the_step()
            return result

        result = run(change_and_die_before_the_commit, *args, **kwargs)
        die_at_the_step()
        return result

    bank.before = bank.after = lambda _: die_at_the_step()
    monkeypatch.setattr(database, "run", dangerous_run)
    with pytest.raises(Killed):
        desk.run_job()
    if twice:  # the run after the crash dies at its first step, too
        desk.bench.clock.advance(seconds=20)
        left[0] = 1
        with pytest.raises(Killed):
            while desk.run_job():
                pass
            raise Killed  # nothing was left to do
    monkeypatch.setattr(database, "run", run)
    bank.before = bank.after = nothing
    for _ in range(3):
        desk.bench.clock.advance(seconds=30)
        desk.work()
    assert desk.status() == "succeeded"
    assert [t.amount for t in desk.book()] == [1_250]
    assert desk.said() == [("succeeded", "p1")]
    assert len({key for _, key in bank.calls}) == 1
    assert desk.check().ok


def test_there_are_no_more_steps_than_the_sweep_covers(
    desk: Desk, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    run = desk.runtime.database.run

    def counted(*args: Any, **kwargs: Any) -> Any:
        steps.extend(["before the commit", "after the commit"])
        return run(*args, **kwargs)

    bank.before = bank.after = steps.append
    monkeypatch.setattr(desk.runtime.database, "run", counted)
    desk.work()
    assert len(steps) == STEPS


def test_a_payout_found_in_sending_is_asked_for_before_it_is_sent_again(
    desk: Desk, bank: Bank
) -> None:
    bank.after = loses("pay", Killed())
    with pytest.raises(Killed):
        desk.run_job()
    bank.after = nothing
    assert desk.status() == "sending"
    assert not desk.run_job()  # its sender may still be at it
    desk.bench.clock.advance(seconds=16)
    desk.work()
    assert [call for call, _ in bank.calls] == ["pay", "ask"]
    assert desk.status() == "succeeded"
    assert desk.moves() == ["ready", "sending", "unknown", "succeeded"]
    assert desk.payout()["attempts"] == 1


@pytest.mark.parametrize("error", [AnswerLost(), RuntimeError("a bug")])
def test_a_lost_answer_is_unknown_and_resolved_by_asking(
    desk: Desk, bank: Bank, error: Exception
) -> None:
    bank.after = loses("pay", error)
    desk.run_job()
    assert desk.status() == "unknown"
    assert len(desk.book()) == 1
    assert desk.check().ok  # the bank may know before we do
    assert not desk.run_job()
    assert desk.accountant.post(f"{API}/payouts/p1/cancel", json={"reason": "?"}).status_code == 409
    desk.bench.clock.advance(seconds=5)
    desk.work()
    assert desk.status() == "succeeded"
    assert [call for call, _ in bank.calls] == ["pay", "ask"]


def test_a_lost_request_is_sent_again_under_the_same_key(desk: Desk, bank: Bank) -> None:
    bank.before = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = nothing
    assert (desk.status(), desk.book()) == ("unknown", [])
    desk.bench.clock.advance(seconds=5)
    desk.work()
    assert desk.status() == "succeeded"
    assert [call for call, _ in bank.calls] == ["pay", "ask", "pay"]
    assert len({key for _, key in bank.calls}) == 1
    assert desk.moves() == ["ready", "sending", "unknown", "sending", "succeeded"]


def test_a_bank_that_is_away_is_asked_after_ever_longer_pauses(desk: Desk, bank: Bank) -> None:
    bank.after = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = loses("ask", AnswerLost())
    asked: list[int] = []
    for second in range(1, 400):
        desk.bench.clock.advance(seconds=1)
        before = len(bank.calls)
        desk.run_job()
        if len(bank.calls) > before:
            asked.append(second)
    assert asked == [5, 10, 20, 40, 80, 160, 280]
    bank.before = nothing
    desk.bench.clock.advance(seconds=120)
    desk.work()
    assert (desk.status(), desk.said()) == ("succeeded", [("succeeded", "p1")])


def test_a_card_removed_while_it_is_unknown_leaves_it_unknown_until_there_is_one(
    desk: Desk, bank: Bank
) -> None:
    bank.before = loses("pay", AnswerLost())
    desk.run_job()
    bank.before = nothing
    desk.person().delete(f"{API}/cards/me")
    desk.bench.clock.advance(seconds=5)
    desk.work()
    # The first call may still be on its way: nobody can cancel it and have the money back.
    assert (desk.status(), desk.book()) == ("unknown", [])
    assert desk.accountant.post(f"{API}/payouts/p1/cancel", json={"reason": "?"}).status_code == 409
    desk.store_card()
    desk.bench.clock.advance(minutes=3)
    desk.work()
    assert (desk.status(), len(desk.book())) == ("succeeded", 1)


def test_a_refusal_for_now_is_tried_again_later(desk: Desk, bank: Bank) -> None:
    bank.answers = [Refused("the bank is busy", final=False)]
    desk.run_job()
    assert (desk.status(), desk.payout()["reason"]) == ("ready", "the bank is busy")
    assert not desk.run_job()
    assert desk.said() == []
    desk.bench.clock.advance(seconds=10)
    desk.work()
    assert (desk.status(), desk.payout()["attempts"]) == ("succeeded", 2)


def test_a_clock_that_was_set_back_does_not_hold_payouts_up(desk: Desk, bank: Bank) -> None:
    bank.after = loses("pay", AnswerLost())
    desk.run_job()
    bank.after = nothing
    desk.bench.clock.advance(hours=-3)
    desk.work()
    assert desk.status() == "succeeded"


def test_answers_that_come_too_late_change_nothing(desk: Desk, bank: Bank) -> None:
    run = desk.runtime.database.run
    seen = desk.runtime.database.read(models.payout, "p1")
    begun = run(attempts.begin_sending, seen, bank)
    assert begun is not None
    first = begun[0]
    desk.bench.clock.advance(seconds=16)
    desk.work()  # somebody else has taken it over and paid it
    assert desk.status() == "succeeded"
    assert run(answers.record_refused, first, Refused("late", final=True)) is None
    assert run(attempts.record_lost, first) is None
    assert run(answers.record_paid, "p1", Accepted(desk.book()[0].reference)) is None
    assert run(attempts.begin_sending, first, bank) is None
    assert run(attempts.begin_asking, first, bank) is None
    assert desk.said() == [("succeeded", "p1")]
    assert desk.payout()["gateway_ref"] == desk.book()[0].reference


def test_a_refusal_that_comes_after_the_next_sending_began_is_not_taken_for_its_answer(
    desk: Desk, bank: Bank
) -> None:
    run, read = desk.runtime.database.run, desk.runtime.database.read
    begun = run(attempts.begin_sending, read(models.payout, "p1"), bank)
    assert begun is not None
    run(answers.record_refused, begun[0], Refused("declined", final=True))
    desk.accountant.post(f"{API}/payouts/p1/retry")
    again = run(attempts.begin_sending, read(models.payout, "p1"), bank)
    assert again is not None
    assert run(answers.record_refused, begun[0], Refused("declined", final=True)) is None
    assert desk.status() == "sending"


def test_a_sender_that_slept_past_its_time_does_not_pay(desk: Desk, bank: Bank) -> None:
    begin = attempts.begin_sending

    def begin_and_sleep(*args: Any) -> Any:
        begun = begin(*args)
        desk.bench.clock.advance(seconds=16)
        return begun

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attempts, "begin_sending", begin_and_sleep)
        desk.run_job()
    assert (bank.calls, desk.status()) == ([], "sending")
    desk.work()
    assert (desk.status(), len(desk.book())) == ("succeeded", 1)


def test_two_runners_at_once_send_every_payout_once(desk: Desk, bank: Bank) -> None:
    for number in range(2, 40):
        desk.store_card(f"u{number}")
        desk.request(f"p{number}", f"u{number}", 100 + number)
    with ThreadPoolExecutor(4) as pool:
        for runner in [pool.submit(desk.run_job) for _ in range(4)]:
            runner.result()
    desk.work()
    assert sorted(t.amount for t in desk.book()) == [*range(102, 140), 1_250]
    paid = [key for call, key in bank.calls if call == "pay"]
    assert len(paid) == len(set(paid)) == 39
    assert {row.status for row in desk.table(models.payouts)} == {"succeeded"}
    assert {row.attempts for row in desk.table(models.payouts)} == {1}
    assert desk.check() == type(desk.check())(
        "succeeded payouts are the gateway's book", True, f"39 payouts, {1_250 + 4_579} cents"
    )


def test_one_key_from_eight_threads_is_one_transfer(desk: Desk) -> None:
    bank = BankGateway(desk.runtime)

    def pay(_: int) -> Answer:
        return bank.pay("one-key", 700, "USD", CardNumber(GOOD_CARD))

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(pay, range(24)))
    assert len(answers) == 1
    assert [(t.key, t.amount) for t in desk.book()] == [("one-key", 700)]
    declined = CardNumber(DECLINED_CARD)
    assert {bank.pay("one-key", 700, "USD", declined)} == answers  # what is paid stays paid
    assert bank.pay("another-key", 700, "USD", declined) == Refused("card declined", final=True)
    assert bank.ask("another-key") == Refused("card declined", final=True)
    assert bank.ask("a-third-key") == NotFound()


def test_the_book_tells_what_was_paid_in_a_while(desk: Desk, bank: Bank) -> None:
    desk.work()
    now = desk.bench.clock.now()
    (line,) = bank.book(now - timedelta(hours=1), now + timedelta(seconds=1))
    assert (line.amount, line.currency, line.status) == (1_250, "USD", "paid")
    assert line.reference == desk.payout()["gateway_ref"]
    assert not list(bank.book(now + timedelta(seconds=1), now + timedelta(hours=1)))


def test_one_payout_that_cannot_be_moved_does_not_hold_up_the_others(desk: Desk) -> None:
    desk.store_card("ann")
    desk.store_card("bob")
    desk.request("p1", "ann")
    desk.request("p2", "bob")
    with desk.runtime.database.transaction() as tx:
        tx.execute(
            models.payouts.update().where(models.payouts.c.id == "p1").values(gateway="gone")
        )
    assert desk.run_job()
    assert not desk.run_job()
    assert (desk.status("p1"), desk.status("p2")) == ("ready", "succeeded")


def test_many_payouts_that_cannot_be_moved_do_not_starve_the_others(desk: Desk) -> None:
    for number in range(60):
        desk.store_card(f"u{number:02}")
        desk.request(f"p{number:02}", f"u{number:02}")
    with desk.runtime.database.transaction() as tx:
        broken = models.payouts.c.id < "p55"
        tx.execute(models.payouts.update().where(broken).values(gateway="gone"))
    for _ in range(3):
        desk.run_job()
    assert [desk.status(f"p{n}") for n in range(55, 60)] == ["succeeded"] * 5
    assert desk.status("p00") == "ready"

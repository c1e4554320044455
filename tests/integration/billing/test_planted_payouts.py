"""What the payout model is for: faults are planted, and each is found in its own short story.

Each story is told twice: by the code as it is, which must pass, and with the fault.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from billing import answers, asking, attempts, claims, domain_moves, history, models, returns
from billing.domain import PayoutStatus
from billing.gateway import Refused
from tests.integration.billing.payout_machine import PayoutMachine
from tests.integration.billing.payout_world import at_work
from tests.support import Workbench


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """Billing on SQLite."""
    with at_work("sqlite", tmp_path_factory.mktemp("planted")) as made:
        yield made


@pytest.fixture
def machine(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> PayoutMachine:
    """A popug with a card has earned."""
    monkeypatch.setattr(PayoutMachine, "bench", bench, raising=False)
    made = PayoutMachine()
    made.a_popug_with_a_card_has_earned()
    return made


def tell(made: PayoutMachine, *steps: tuple[Any, ...]) -> None:
    """Take steps, by name; the model is asked after each."""
    for name, *arguments in steps:
        getattr(made, name)(*arguments)
        made.everything_is_as_it_must_be()


def one_sending(made: PayoutMachine, mood: str) -> None:
    tell(made, ("a_sender_begins", 0), ("a_sender_goes_on", 0, mood, 6))


def a_payment(made: PayoutMachine) -> None:
    one_sending(made, "pay")
    assert made._status(0) == "succeeded"


def an_answer_is_lost(made: PayoutMachine) -> None:
    one_sending(made, "lose_after")
    assert made._status(0) == "unknown"


def a_refusal(made: PayoutMachine) -> None:
    one_sending(made, "refuse")
    assert made._status(0) == "failed"


def two_refusals(made: PayoutMachine) -> None:
    a_refusal(made)
    tell(made, ("a_person_sends_again", 0))
    a_refusal(made)


def unknown_for_a_day(made: PayoutMachine) -> None:
    an_answer_is_lost(made)
    tell(made, ("time_passes", "a day"))
    one_sending(made, "pay")
    assert made._status(0) == "needs_person"


def cancelled_when_it_may_be_paid(made: PayoutMachine) -> None:
    an_answer_is_lost(made)
    tell(made, ("a_person_cancels", 0))


def a_late_refusal(made: PayoutMachine) -> None:
    """The first sender is turned away for now and has not said so; the second has paid."""
    tell(made, ("a_sender_begins", 0), ("a_sender_goes_on", 0, "busy", 4))
    tell(made, ("time_passes", "a hold"), ("a_sender_begins", 0))
    tell(made, ("a_sender_goes_on", 1, "pay", 6), ("a_sender_goes_on", 1, "pay", 6))
    assert made._status(0) == "succeeded"
    tell(made, ("a_sender_goes_on", 0, "pay", 6))


def money_back_before_its_answer(made: PayoutMachine) -> None:
    """The sender has the answer in hand when the money has come back already."""
    tell(made, ("a_sender_begins", 0), ("a_sender_goes_on", 0, "pay", 3))
    tell(made, ("money_comes_back", 0), ("the_bank_tells", 0))
    assert made._status(0) == "failed"
    tell(made, ("a_sender_goes_on", 0, "pay", 6))


def money_back(made: PayoutMachine) -> None:
    one_sending(made, "pay")
    tell(made, ("money_comes_back", 0), ("the_bank_tells", 0))
    assert made._status(0) == "failed"


def an_old_answer_after_sending_again(made: PayoutMachine) -> None:
    money_back(made)
    tell(made, ("a_person_sends_again", 0), ("an_old_answer_arrives", 0))
    assert made._status(0) == "ready"


def an_old_answer_after_a_cancel(made: PayoutMachine) -> None:
    money_back(made)
    tell(made, ("a_person_cancels", 0), ("an_old_answer_arrives", 0))


def returned_is_heard_before_paid(made: PayoutMachine) -> None:
    """The bank pays what it has refused, and takes it back; we hear of that first."""
    a_refusal(made)
    made.bank.entries[0].status = "returned"
    tell(made, ("the_bank_tells", 0), ("an_old_answer_arrives", 0))
    assert made._status(0) == "failed"


def returned_is_heard_after_a_claim(made: PayoutMachine) -> None:
    a_refusal(made)
    tell(made, ("a_person_cancels", 0))
    made.bank.entries[0].status = "returned"
    tell(made, ("an_old_answer_arrives", 0), ("the_bank_tells", 0))


def another_amount_and_not_paid(made: PayoutMachine) -> None:
    one_sending(made, "wrong_amount")
    assert made._status(0) == "needs_person"
    tell(made, ("a_person_says_not_paid_against_the_banks_word", 0))


def another_amount_back_and_sent_again(made: PayoutMachine) -> None:
    one_sending(made, "wrong_amount")
    tell(made, ("money_comes_back", 0), ("a_person_has_the_bank_asked", 0))
    assert made._status(0) == "failed"
    tell(made, ("a_person_sends_again", 0))
    a_payment(made)


def money_back_and_nobody_is_told(made: PayoutMachine) -> None:
    one_sending(made, "pay")
    tell(made, ("money_comes_back", 0), ("a_person_has_the_bank_asked", 0))
    assert made._status(0) == "failed"


def _never(*_: Any) -> bool:
    return False


def _silently(*_: Any) -> None:
    return None


def _taken_for_a_refusal(tx: Any, seen: Any) -> Any:
    return answers.record_refused(tx, seen, Refused("no answer", final=True))


def _whatever_has_happened_since(tx: Any, seen: Any, answer: Refused) -> Any:
    payout = models.payout_for_update(tx, seen.id)
    if payout.status in (PayoutStatus.SENDING, PayoutStatus.SUCCEEDED):
        return answers._fail(tx, payout, answer.reason)
    return None


def _only_what_moves(tx: Any, payout: Any, key: str, reference: str) -> None:
    """Remember what has come back only where the payout's status allows a move."""
    if payout.status not in (PayoutStatus.FAILED, PayoutStatus.CANCELLED):
        _note(tx, payout, key, reference)


_note = returns.note
CANCELLED_IN_FLIGHT = {
    **domain_moves.TRANSITIONS,
    PayoutStatus.UNKNOWN: domain_moves.TRANSITIONS[PayoutStatus.UNKNOWN] | {PayoutStatus.CANCELLED},
}


@dataclass(frozen=True)
class Fault:
    """What is put in the place of something, the story in which it shows, and how it is found."""

    place: Any
    name: str
    wrong: Any
    story: Callable[[PayoutMachine], None]
    found: str


PLANTED = {
    "sent under a forgotten key": Fault(
        domain_moves, "key_has_run_out", _never, unknown_for_a_day, "paid twice"
    ),
    "a lost answer taken for a refusal": Fault(
        attempts, "record_lost", _taken_for_a_refusal, an_answer_is_lost, "failed, and paid"
    ),
    "an outcome that is not told": Fault(
        answers, "say_failed", _silently, a_refusal, "said once"
    ),
    "a move that is not written down": Fault(
        history, "_record", _silently, a_payment, "not written down"
    ),
    "a failure without its number": Fault(
        history, "count_failures", lambda *_: 1, two_refusals, "not numbered"
    ),
    "a late refusal over a success": Fault(
        answers, "record_refused", _whatever_has_happened_since, a_late_refusal,
        "failed, and paid",
    ),
    "cancelled when it may be paid": Fault(
        domain_moves, "TRANSITIONS", CANCELLED_IN_FLIGHT, cancelled_when_it_may_be_paid,
        "he may not|unknown became cancelled",
    ),
    "money back before its answer": Fault(
        returns, "known", _never, money_back_before_its_answer, "known to be back"
    ),
    "an old answer after sending again": Fault(
        returns, "known", _never, an_old_answer_after_sending_again, "known to be back"
    ),
    "an old answer after a cancel": Fault(
        returns, "known", _never, an_old_answer_after_a_cancel, "settle what has come back"
    ),
    "not paid over the bank's own paid": Fault(
        claims, "still_out", lambda *_: [], another_amount_and_not_paid, "he may not"
    ),
    "nobody listens to what was asked": Fault(
        asking, "_record", _silently, money_back_and_nobody_is_told, "known to be back"
    ),
    "only what moves is remembered": Fault(
        returns, "note", _only_what_moves, returned_is_heard_before_paid, "known to be back"
    ),
    "a claim about what is back stays": Fault(
        claims, "has_come_back", _silently, returned_is_heard_after_a_claim,
        "settle what has come back",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(
    machine: PayoutMachine, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = PLANTED[fault]
    monkeypatch.setattr(planted.place, planted.name, planted.wrong)
    with pytest.raises(AssertionError, match=planted.found):
        planted.story(machine)
    machine.sound = False
    machine.teardown()


STORIES = sorted(
    {*(fault.story for fault in PLANTED.values()), another_amount_back_and_sent_again},
    key=lambda story: story.__name__,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_story_itself_keeps_to_the_model(
    machine: PayoutMachine, story: Callable[[PayoutMachine], None]
) -> None:
    story(machine)
    machine.teardown()

"""What may happen to payouts, one step at a time, as rules that Hypothesis puts in any order."""

from datetime import date

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from billing import answers, asking, commands, models
from billing.domain import (
    CannotAsk,
    CannotCancel,
    CannotRetry,
    MoneyIsOut,
    NothingToDecide,
    PayoutStatus,
    Unsettled,
)
from billing.gateway import Accepted
from billing.sending import Sender
from contracts.accounts import PayoutRequested
from tests.integration.billing import payout_model
from tests.integration.billing.moody_bank import MOODS
from tests.integration.billing.payout_world import PayoutWorld
from tests.integration.billing.stepped import SteppedSender

CARD = "4242424242424242"
PASSES = {"an instant": 1, "a hold": 16, "minutes": 150, "hours": 7_200, "a day": 90_000}
which = st.integers(0, 2)


class PayoutMachine(PayoutWorld):
    """Popugs, persons, senders and a bank."""

    @initialize()
    def a_popug_with_a_card_has_earned(self) -> None:
        self.request_payout()
        self.store_card(0)

    @precondition(lambda self: len(self.users) < 3)
    @rule()
    def request_payout(self) -> None:
        user = f"{self.examples}-{len(self.users)}"
        self.users.append(user)
        asked = PayoutRequested(
            payout_id=f"p-{user}",
            user_id=user,
            date=date(2026, 3, 9),
            amount=1_000 + len(self.users),
            currency="USD",
        )
        self.bench.hear(asked)
        self.bench.hear(asked)

    @rule(n=which)
    def store_card(self, n: int) -> None:
        self.database.run(commands.store_card, self._user(n), CARD)

    @rule(n=which)
    def remove_card(self, n: int) -> None:
        self.database.run(commands.remove_card, self._user(n))

    @precondition(lambda self: len(self.senders) < 3)
    @rule(n=which)
    def a_sender_begins(self, n: int) -> None:
        if due := self.database.read(models.due_payouts, 50):
            self.senders.append(SteppedSender(self.runtime, self.bank, due[n % len(due)]))

    @precondition(lambda self: self.senders)
    @rule(n=which, mood=st.sampled_from(MOODS), steps=st.integers(1, 6))
    def a_sender_goes_on(self, n: int, mood: str, steps: int) -> None:
        sender = self.senders[n % len(self.senders)]
        for _ in range(steps):
            if not sender.done:
                sender.step(mood)
        self._dismiss()

    @precondition(lambda self: self.senders)
    @rule(n=which, is_sent=st.booleans())
    def a_sender_dies(self, n: int, is_sent: bool) -> None:
        sender = self.senders[n % len(self.senders)]
        if sender.call and is_sent:
            self.bank.on_the_way.append(sender.call)
        sender.kill()
        self._dismiss()

    @rule(time=st.sampled_from(sorted(PASSES)))
    def time_passes(self, time: str) -> None:
        self.clock.advance(seconds=PASSES[time])

    @precondition(lambda self: self.bank.on_the_way)
    @rule(n=which)
    def a_late_request_arrives(self, n: int) -> None:
        self.bank.arrive(self.bank.on_the_way[n % len(self.bank.on_the_way)])

    @precondition(lambda self: self._entries("begun", 0))
    @rule(n=which, to=st.sampled_from(["paid", "refused"]))
    def the_bank_ends_what_it_has_begun(self, n: int, to: str) -> None:
        for entry in self._entries("begun", n):
            entry.status = to

    @precondition(lambda self: self._entries("paid", 0))
    @rule(n=which)
    def money_comes_back(self, n: int) -> None:
        for entry in self._entries("paid", n):
            entry.status = "paid" if entry.flipped else "returned"

    @precondition(lambda self: self._entries("returned", 0))
    @rule(n=which)
    def an_old_answer_arrives(self, n: int) -> None:
        """Somebody asked before the money came back, and is heard only now."""
        for entry in self._entries("returned", n):
            accepted = Accepted(entry.reference, entry.amount)
            self.database.run(answers.record_paid, self._whose(entry), accepted, entry.key)

    @precondition(lambda self: self._entries("refused", 0))
    @rule(n=which)
    def the_bank_pays_what_it_has_refused(self, n: int) -> None:
        for entry in self._entries("refused", n):
            entry.status, entry.flipped = "paid", True

    @precondition(lambda self: self.bank.entries)
    @rule(n=which)
    def the_bank_tells(self, n: int) -> None:
        self._tell(self.bank.entries[n % len(self.bank.entries)])

    @rule(n=which)
    def a_person_sends_again(self, n: int) -> None:
        may = self._status(n) == PayoutStatus.FAILED and not self._unsettled(n)
        self._person(commands.retry_payout, n, (CannotRetry, Unsettled), may)

    @rule(n=which)
    def a_person_cancels(self, n: int) -> None:
        may = self._status(n) in ("waiting_for_card", "ready", "failed")
        may = may and not self._unsettled(n)
        self._person(commands.cancel_payout, n, (CannotCancel, Unsettled), may, "he has left")

    @precondition(lambda self: self._stands("needs_person"))
    @rule(n=which)
    def a_person_decides(self, n: int) -> None:
        """He asks the bank, when nothing is on its way to it any more."""
        payout = self.database.read(models.payout, f"p-{self._user(n)}")
        calls = [*self.bank.on_the_way, *(s.call for s in self.senders if s.call)]
        mine = [e for e in self.bank.entries if e.key in payout.keys]
        if any(call.key in payout.keys for call in calls) or "begun" in {e.status for e in mine}:
            return
        paid = self.bank.paid_under(payout.idempotency_key)
        reference = paid[-1].reference if paid else None
        may = self._may_say(payout, reference)
        refusals = (NothingToDecide, MoneyIsOut)
        self._person(commands.decide_payout, n, refusals, may, reference, "asked the bank")

    @precondition(lambda self: self._stands("needs_person"))
    @rule(n=which)
    def a_person_says_not_paid_against_the_banks_word(self, n: int) -> None:
        """He asks nobody. Where the bank has told of nothing it would be his own mistake."""
        payout = self.database.read(models.payout, f"p-{self._user(n)}")
        told = payout_model.told_of(self.database.read(payout_model.look), payout)
        if told and payout.status is PayoutStatus.NEEDS_PERSON:
            self._person(commands.decide_payout, n, MoneyIsOut, False, None, "it seems so")

    @rule(n=which)
    def a_person_has_the_bank_asked(self, n: int) -> None:
        payout = self.database.read(models.payout, f"p-{self._user(n)}")
        may = payout.status in (PayoutStatus.SUCCEEDED, PayoutStatus.NEEDS_PERSON)
        self._person(asking.put_down, n, CannotAsk, may)
        for asked in self.database.read(asking.due, 50):
            assert Sender(self.runtime).follow_up(asked)
        mine = [e for e in self.bank.entries if e.reference == payout.gateway_ref]
        if may and mine and mine[0].status == "returned":
            self.bank.told_back.add(mine[0].reference)

    @invariant()
    def everything_is_as_it_must_be(self) -> None:
        self.sound = False
        seen = self.database.read(payout_model.look)
        payout_model.check(seen, self.bank, self.clock.now())
        self.sound = True

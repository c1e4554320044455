"""A sender that stands still before each commit and around each call until it is told to go on.

It runs in a thread, but only while its owner waits for it: what happens, and in which
order, is the owner's choice alone.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from billing.domain import Payout
from billing.domain_cards import CardNumber
from billing.gateway import Answer, AnswerLost, BookLine, NotFound
from billing.sending import Sender
from chassis.runtime import Runtime
from tests.integration.billing.moody_bank import Call, MoodyBank


class Killed(BaseException):
    """Stands for `kill -9`: nothing may catch it."""


class SteppedSender:
    """One sender on its way with one payout; `at` says before what it stands."""

    def __init__(self, runtime: Runtime, bank: MoodyBank, payout: Payout) -> None:
        self.payout = payout
        self.mood = "pay"
        self.at = "start"
        self.done = False
        self.call: Call | None = None
        self.failure: Exception | None = None
        self._killed = False
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        sender = Sender(runtime)
        sender._database = _SteppedDatabase(runtime.database, self.stand)  # type: ignore[assignment]
        sender._gateways["sandbox"] = _SteppedBank(bank, self)
        self._thread = threading.Thread(target=self._run, args=(sender,), daemon=True)
        self._thread.start()

    def step(self, mood: str) -> None:
        """Go on to where it stands next; a call on the way there meets the bank in this mood."""
        self.mood = mood
        self._go.release()
        self._stands.acquire()
        if self.done:
            self._thread.join()
        if self.failure:
            raise self.failure

    def kill(self) -> None:
        """Die where it stands."""
        self._killed = True
        if not self.done:
            self.step(self.mood)

    def stand(self, at: str) -> None:
        """Wait to be told to go on."""
        self.at = at
        self._stands.release()
        self._go.acquire()
        if self._killed:
            raise Killed

    def _run(self, sender: Sender) -> None:
        self._go.acquire()
        try:
            if not self._killed:
                sender.go_on_with(self.payout)
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            self.failure = error
        finally:
            self.done = True
            self._stands.release()


class _SteppedDatabase:
    def __init__(self, database: Any, stand: Callable[[str], None]) -> None:
        self._database = database
        self._stand = stand

    def run(self, *args: Any) -> Any:
        self._stand("commit")
        return self._database.run(*args)


class _SteppedBank:
    name = "sandbox"

    def __init__(self, bank: MoodyBank, sender: SteppedSender) -> None:
        self._bank = bank
        self._sender = sender
        self.patience_seconds = bank.patience_seconds
        self.key_lifetime = bank.key_lifetime
        self.account = bank.account
        self.book: Callable[..., list[BookLine]] = lambda _since, _until: []

    def pay(
        self,
        key: str,
        amount: int,
        currency: str,  # noqa: ARG002 - as every gateway is called
        card_number: CardNumber,  # noqa: ARG002 - as every gateway is called
    ) -> Answer:
        call = Call(key, amount, self._bank.clock.now())
        self._sender.call = call
        self._sender.stand("call")
        self._sender.call = None
        return self._answered(lambda: self._bank.meet(self._sender.mood, call))  # type: ignore[no-any-return]

    def ask(self, key: str, reference: str | None = None) -> Answer | NotFound:
        self._sender.stand("question")
        if self._sender.mood in ("lose_before", "lose_after", "late"):
            raise AnswerLost
        return self._answered(lambda: self._bank.ask(key, reference))  # type: ignore[no-any-return]

    def _answered(self, call: Callable[[], Any]) -> Any:
        """The answer once it has come; what comes after the patience is lost."""
        begun = self._bank.clock.now()
        answer: Any = None
        try:
            answer = call()
        except AnswerLost as lost:
            answer = lost
        self._sender.stand("answer")
        late = self._bank.clock.now() - begun > timedelta(seconds=self.patience_seconds)
        if late or isinstance(answer, AnswerLost):
            raise AnswerLost
        return answer

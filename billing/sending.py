"""The job that sends payouts: the only place where a card number is opened.

Every step is committed before the next begins, so that a crash anywhere leaves a payout
in a status from which it goes on: an interrupted sending is never repeated before the
gateway was asked for the key.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from billing import answers, asking, attempts, cards, commands, models, notices, old_book
from billing.domain import Payout, PayoutStatus
from billing.gateway import Accepted, Answer, AnswerLost, Begun, Gateway, NotFound, Refused
from billing.gateways import GATEWAYS
from billing.gateways.bank import BankGateway
from billing.opening import CardKeyMissing, CardUnreadable, open_card
from chassis.database import DatabaseAway
from chassis.keys import KeyMissing
from chassis.runtime import Runtime

MOST_AT_ONCE = 50
SENDERS = 8
# So few that a bank which takes its time over questions holds up no payout for long.
QUESTIONS_AT_ONCE = SENDERS
UNREADABLE = "the stored card could not be read; store it again"
NO_KEY = "the key of the card is not there"


def send_payouts(runtime: Runtime) -> bool:
    """Send what is due and resolve what is unknown; says whether anything was done.

    Nothing before the bank has taken over what it paid when its book was ours: else what is
    unknown would not be found.
    """
    if not old_book.hand_over(runtime.database, BankGateway(runtime).take_over, runtime.log):
        return False
    for user_id in runtime.database.read(cards.overlooked, MOST_AT_ONCE):
        runtime.database.run(commands.release_waiting, user_id)
    sender = Sender(runtime)
    due = runtime.database.read(models.due_payouts, MOST_AT_ONCE)
    asked = runtime.database.read(asking.due, QUESTIONS_AT_ONCE)
    told = runtime.database.read(notices.due, QUESTIONS_AT_ONCE)
    if not due and not asked and not told:
        return False
    # What goes out goes before what is only asked. And a gateway that takes its time over
    # one keeps the others from waiting for it.
    with ThreadPoolExecutor(min(SENDERS, len(due) + len(asked) + len(told))) as pool:
        moved = pool.map(partial(_without_harm, sender), due)
        answered = pool.map(partial(_answered, sender), [*asked, *told])
        return any([*moved, *answered])


def _without_harm(sender: "Sender", payout: Payout) -> bool:
    """Go on with one payout; what is wrong with it must not keep its neighbours waiting."""
    try:
        sender.go_on_with(payout)
    except DatabaseAway:
        raise
    except Exception:
        sender.log.exception("payout could not be moved", payout=payout.id)
        sender.step_back(payout)
        return False
    return True


def _answered(sender: "Sender", question: Any) -> bool:
    """Ask one question; what is wrong with it must keep neither payouts nor others waiting."""
    try:
        return sender.follow_up(question)
    except DatabaseAway:
        raise
    except Exception:
        sender.log.exception(
            "a gateway could not be asked; it is tried again later", gateway=question.gateway
        )
        sender.look_later(question)
        return False


def _kind(question: Any) -> Any:
    return asking if isinstance(question, asking.Asking) else notices


class Sender:
    """Takes payouts one by one through their gateways."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.log = runtime.log
        self._clock = runtime.clock
        self._database = runtime.database
        self._gateways: dict[str, Gateway] = {}

    def follow_up(self, question: Any) -> bool:
        """Ask what a person wants to know, or what a gateway has told of; it may wait."""
        gateway = self._gateway(question.gateway)
        return bool(_kind(question).follow_up(self._database, gateway, question))

    def look_later(self, question: Any) -> None:
        """Have a question wait, each time for longer."""
        self._database.run(_kind(question).look_later, question)

    def go_on_with(self, payout: Payout) -> None:
        """Do what is next for a payout that is due: send it, or ask what became of it."""
        if payout.status is PayoutStatus.READY:
            self._send(payout)
        else:
            self._resolve(payout)

    def step_back(self, payout: Payout) -> None:
        """Have others go first for a while."""
        self._database.run(attempts.step_back, payout)

    def _send(self, payout: Payout) -> None:
        gateway = self._gateway(payout.gateway)
        begun = self._database.run(attempts.begin_sending, payout, gateway)
        if begun is None:
            return
        sent, card = begun
        try:
            number = open_card(self._runtime.settings, card)
        except CardUnreadable as broken:
            self.log.error("card cannot be read", payout=sent.id, error=str(broken))
            self._record(sent, Refused(UNREADABLE, final=True, this_call_only=True))
            return
        except (CardKeyMissing, KeyMissing) as missing:
            # The card is well: it goes out once an operator has brought the key here.
            self.log.error("card key is missing", payout=sent.id, error=str(missing))
            self._record(sent, Refused(NO_KEY, final=False))
            return
        if sent.next_attempt_at is None or self._clock.now() >= sent.next_attempt_at:
            return  # this process was asleep, and the payout may be somebody else's by now
        try:
            answer = gateway.pay(sent.key, sent.amount, sent.currency, number)
        except Exception as error:  # noqa: BLE001 - whatever broke, it may have paid
            self._lost(sent, error)
            self._database.run(attempts.record_lost, sent)
        else:
            self._record(sent, answer)

    def _resolve(self, payout: Payout) -> None:
        gateway = self._gateway(payout.gateway)
        asked = self._database.run(attempts.begin_asking, payout, gateway)
        if asked is None:
            return
        try:
            answer = gateway.ask(asked.key, asked.gateway_ref)
        except Exception as error:  # noqa: BLE001 - without an answer it stays unknown
            self._lost(asked, error)
            self._database.run(attempts.ask_later, asked, gateway.key_lifetime)
            return
        if isinstance(answer, NotFound) or (isinstance(answer, Refused) and not answer.final):
            self._send(asked)
        else:
            self._record(asked, answer)

    def _record(self, payout: Payout, answer: Answer) -> None:
        run = self._database.run
        if isinstance(answer, Accepted):
            moved = run(answers.record_paid, payout.id, answer, payout.key)
        elif isinstance(answer, Refused):
            moved = run(answers.record_refused, payout, answer)
        elif isinstance(answer, Begun):
            moved = run(answers.record_begun, payout, answer)
        else:
            moved = run(answers.record_returned, payout.id, answer, payout.key)
        if moved:
            self.log.info(
                "payout moved", payout=moved.id, status=moved.status, attempts=moved.attempts
            )

    def _lost(self, payout: Payout, error: Exception) -> None:
        """Only the kind of error is logged: its text may quote what was sent."""
        level = "warning" if isinstance(error, AnswerLost) else "error"
        getattr(self.log, level)(
            "no answer from the gateway", payout=payout.id, error=type(error).__name__
        )

    def _gateway(self, name: str) -> Gateway:
        if name not in self._gateways:
            self._gateways[name] = GATEWAYS[name](self._runtime)
        return self._gateways[name]

"""The job that sends payouts: the only place where a card number is opened.

Every step is committed before the next begins, so that a crash anywhere leaves a payout
in a status from which it goes on: an interrupted sending is never repeated before the
gateway was asked for the key.
"""

from billing import attempts, cards, commands, models
from billing.domain import Payout, PayoutStatus
from billing.gateway import Accepted, AnswerLost, Gateway, NotFound, Refused
from billing.gateways import GATEWAYS
from billing.vault import CardUnreadable, Vault, load_vault
from chassis.database import DatabaseAway
from chassis.runtime import Runtime

MOST_AT_ONCE = 50
UNREADABLE = "the stored card could not be read; store it again"


def send_payouts(runtime: Runtime) -> bool:
    """Send what is due and resolve what is unknown; says whether anything was done."""
    for user_id in runtime.database.read(cards.overlooked, MOST_AT_ONCE):
        runtime.database.run(commands.release_waiting, user_id)
    due = runtime.database.read(models.due_payouts, MOST_AT_ONCE)
    if not due:
        return False
    sender = Sender(runtime, load_vault(runtime.settings))
    moved = [_without_harm(sender, payout) for payout in due]
    return any(moved)


def _without_harm(sender: "Sender", payout: Payout) -> bool:
    """Go on with one payout; what is wrong with it must not keep its neighbours waiting."""
    try:
        sender.go_on_with(payout)
    except DatabaseAway:
        raise
    except Exception:
        sender.log.exception("payout could not be moved", payout=payout.id)
        return False
    return True


class Sender:
    """Takes payouts one by one through their gateways."""

    def __init__(self, runtime: Runtime, vault: Vault) -> None:
        self._runtime = runtime
        self.log = runtime.log
        self._clock = runtime.clock
        self._database = runtime.database
        self._vault = vault
        self._gateways: dict[str, Gateway] = {}

    def go_on_with(self, payout: Payout) -> None:
        """Do what is next for a payout that is due: send it, or ask what became of it."""
        if payout.status is PayoutStatus.READY:
            self._send(payout)
        else:
            self._resolve(payout)

    def _send(self, payout: Payout) -> None:
        gateway = self._gateway(payout)
        begun = self._database.run(attempts.begin_sending, payout, gateway.patience_seconds)
        if begun is None:
            return
        sent, card = begun
        try:
            number = self._vault.open(card)
        except CardUnreadable as broken:
            self.log.error("card cannot be read", payout=sent.id, error=str(broken))
            self._record(sent, Refused(UNREADABLE, final=True))
            return
        if sent.next_attempt_at is None or self._clock.now() >= sent.next_attempt_at:
            return  # this process was asleep, and the payout may be somebody else's by now
        try:
            answer = gateway.pay(sent.idempotency_key, sent.amount, sent.currency, number)
        except Exception as error:  # noqa: BLE001 - whatever broke, it may have paid
            self._lost(sent, error)
            self._database.run(attempts.record_lost, sent)
        else:
            self._record(sent, answer)

    def _resolve(self, payout: Payout) -> None:
        gateway = self._gateway(payout)
        asked = self._database.run(attempts.begin_asking, payout, gateway.patience_seconds)
        if asked is None:
            return
        try:
            answer = gateway.ask(asked.idempotency_key)
        except Exception as error:  # noqa: BLE001 - without an answer it stays unknown
            self._lost(asked, error)
            self._database.run(attempts.ask_later, asked)
            return
        if isinstance(answer, NotFound) or (isinstance(answer, Refused) and not answer.final):
            self._send(asked)
        else:
            self._record(asked, answer)

    def _record(self, payout: Payout, answer: Accepted | Refused) -> None:
        if isinstance(answer, Accepted):
            moved = self._database.run(attempts.record_paid, payout.id, answer)
        else:
            moved = self._database.run(attempts.record_refused, payout, answer)
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

    def _gateway(self, payout: Payout) -> Gateway:
        if payout.gateway not in self._gateways:
            self._gateways[payout.gateway] = GATEWAYS[payout.gateway](self._runtime)
        return self._gateways[payout.gateway]

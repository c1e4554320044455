"""How the bank may misbehave: each fault strikes so many calls in a thousand."""

from datetime import timedelta
from random import Random

from bank.book import DECLINED_CARD, PAID, PENDING, REFUSED, Order, Plan

# On a call to pay.
ERROR_BEFORE = "error_before"  # 500, and nothing done
ERROR_AFTER = "error_after"  # done, and 500
DROP_ANSWER = "drop_answer"  # done, and the connection ends in the middle of the answer
DELAY = "delay"  # done after `delay_ms`
TOO_MANY = "too_many"  # 429
REFUSE = "refuse"
WRONG_AMOUNT = "wrong_amount"
RETURN_LATER = "return_later"  # paid, and comes back after `later_ms`
PENDING_FIRST = "pending_first"  # paid after `later_ms`
# On a question.
ASK_ERROR = "ask_error"
# On what it tells by itself.
NOTICE_FIRST = "notice_first"  # before the answer
NOTICE_TWICE = "notice_twice"
NOTICE_LATE = "notice_late"  # after `later_ms`, so that later ones overtake it
NOTICE_FORGED = "notice_forged"  # beside the true one, one that somebody else has signed

SHARES = (
    *(ERROR_BEFORE, ERROR_AFTER, DROP_ANSWER, DELAY, TOO_MANY, REFUSE, WRONG_AMOUNT),
    *(RETURN_LATER, PENDING_FIRST, ASK_ERROR),
    *(NOTICE_FIRST, NOTICE_TWICE, NOTICE_LATE, NOTICE_FORGED),
)
TIMES = {"delay_ms": 60_000, "later_ms": 30_000}


class Chance:
    """Which faults strike a call."""

    def __init__(self, values: dict[str, int], random: Random) -> None:
        self._values = values
        self._random = random

    def strikes(self, fault: str) -> bool:
        """Whether this fault strikes now."""
        return self._random.randrange(1000) < self._values.get(fault, 0)

    def time(self, name: str) -> timedelta:
        """`delay_ms` or `later_ms`."""
        return timedelta(milliseconds=self._values.get(name, TIMES[name]))

    def plan(self, order: Order) -> Plan:
        """How an order turns out."""
        if order.card_number == DECLINED_CARD:
            return Plan(order.amount, REFUSED, "card declined")
        if self.strikes(REFUSE):
            return Plan(order.amount, REFUSED, "refused by the bank")
        if self.strikes(WRONG_AMOUNT):
            return Plan(order.amount - 1, PAID)
        if self.strikes(PENDING_FIRST):
            return Plan(order.amount, PENDING, changes_after=self.time("later_ms"))
        if self.strikes(RETURN_LATER):
            return Plan(order.amount, PAID, changes_after=self.time("later_ms"))
        return Plan(order.amount, PAID)

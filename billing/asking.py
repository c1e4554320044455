"""A person has the gateway asked once more what became of a payout.

What a gateway tells by itself may be lost (`notices`), and of a payout that has succeeded
nobody asks it: money that came back would never be known. The question is only put down
here; the sending job asks it, and the answer does what an answer does (`answers`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Index, Table, select

from billing import answers, models, notices
from billing.commands import SEND_PAYOUTS
from billing.domain import CannotAsk, Payout, PayoutStatus
from billing.gateway import (
    Accepted,
    AnotherKey,
    Answer,
    AnswerLost,
    Begun,
    Gateway,
    NotFound,
    Refused,
    Returned,
)
from billing.models import as_id, metadata
from chassis.columns import Code, Id, Position, UtcDateTime
from chassis.database import Database, Reading, Transaction

# Where nobody here would ask by himself.
MAY_BE_ASKED = frozenset({PayoutStatus.SUCCEEDED, PayoutStatus.NEEDS_PERSON})
# For so long a question waits for an answer; then a person may put it again.
ASKED_FOR = timedelta(days=1)
NO_ANSWER = "no_answer"
OTHER_ACCOUNT = "other_account"
# What it has said of any key counts in this order.
SAID: dict[type[Answer | NotFound], str] = {
    Returned: "returned",
    Accepted: "paid",
    Begun: "begun",
    Refused: "refused",
    NotFound: "not_found",
}

payout_askings = Table(
    "payout_askings",
    metadata,
    Column("id", Position, primary_key=True, autoincrement=True),
    Column("payout_id", Id, nullable=False),
    Column("gateway", Code, nullable=False),
    # Who wants to know.
    Column("by", Id, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    # When to ask the gateway; None once it has answered, or was given up.
    Column("look_at", UtcDateTime),
    # What it has said, in a word; or what keeps us from asking.
    Column("answer", Code),
    Index("ix_payout_askings_payout", "payout_id", "id"),
    Index("ix_payout_askings_look", "look_at"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class Asking:
    """One question of a person, and what the gateway has said; it waits until `look_at`."""

    id: int
    payout_id: str
    gateway: str
    by: str
    at: datetime
    look_at: datetime | None
    answer: str | None


def put_down(tx: Transaction, payout_id: str, by: str) -> Payout:
    """Have the gateway asked what became of a payout; one question waits at a time.

    Raises PayoutNotFound, CannotAsk.
    """
    payout = models.payout_for_update(tx, payout_id)
    if payout.status not in MAY_BE_ASKED:
        raise CannotAsk(payout)
    waiting = payout_askings.update().where(
        payout_askings.c.payout_id == payout.id, payout_askings.c.look_at.is_not(None)
    )
    if not tx.execute(waiting.values(look_at=tx.now)).rowcount:
        row = {"payout_id": payout.id, "gateway": payout.gateway, "by": by}
        tx.insert(payout_askings, [row | {"at": tx.now, "look_at": tx.now}])
    tx.wake(SEND_PAYOUTS)
    return payout


def due(reading: Reading, most: int) -> list[Asking]:
    """Questions that are to be asked now."""
    mine = payout_askings.c
    rows = reading.execute(
        select(payout_askings)
        .where(mine.look_at <= reading.now)
        .order_by(mine.look_at, mine.id)
        .limit(most)
    )
    return [Asking(*row) for row in rows]


def of_payout(reading: Reading, payout_id: str) -> list[Asking]:
    """All questions about a payout, oldest first."""
    mine = payout_askings.c.payout_id == as_id(payout_id)
    rows = reading.execute(select(payout_askings).where(mine).order_by(payout_askings.c.id))
    return [Asking(*row) for row in rows]


def follow_up(database: Database, gateway: Gateway, asking: Asking) -> bool:
    """Ask under every key of the payout, and let the answers count; says whether all came."""
    payout = database.read(models.payout, asking.payout_id)
    if payout.gateway_account not in (None, gateway.account):
        # It would be told, and perhaps believed, that there is no such payout.
        database.run(look_later, asking, OTHER_ACCOUNT)
        return False
    said: set[type[Answer | NotFound]] = set()
    try:
        for key in reversed(payout.keys):
            answer = _ask(gateway, key, payout.gateway_ref)
            said.add(type(answer))
            _record(database, payout.id, key, answer)
    except AnswerLost:
        database.run(look_later, asking)
        return False
    word = next(word for kind, word in SAID.items() if kind in said)
    database.run(_done, asking, word)
    return True


def look_later(tx: Transaction, asking: Asking, why: str | None = None) -> None:
    """Ask later, each time after a longer pause, but not for ever."""
    given_up = tx.now >= asking.at + ASKED_FOR
    look_at = None if given_up else tx.now + notices.pause(tx.now, asking.at)
    _write(tx, asking, look_at, why or (NO_ANSWER if given_up else None))


def _ask(gateway: Gateway, key: str, reference: str | None) -> Answer | NotFound:
    """By the reference, if that is the key's and right; else by the key. Raises AnswerLost."""
    lost: AnswerLost | None = None
    if reference:
        try:
            answer = gateway.ask(key, reference)
            if not isinstance(answer, NotFound):
                return answer
        except AnotherKey:
            pass
        except AnswerLost as error:
            lost = error
    answer = gateway.ask(key)
    if lost and isinstance(answer, NotFound):
        raise lost  # a gateway that finds nothing by keys may know the reference
    return answer


def _record(database: Database, payout_id: str, key: str, answer: Answer | NotFound) -> None:
    """A refusal is its sender's to hear, and what is not found says nothing."""
    if isinstance(answer, Accepted):
        database.run(answers.record_paid, payout_id, answer, key)
    elif isinstance(answer, Returned):
        database.run(answers.record_returned, payout_id, answer, key)


def _done(tx: Transaction, asking: Asking, word: str) -> None:
    _write(tx, asking, None, word)


def _write(tx: Transaction, asking: Asking, look_at: datetime | None, answer: str | None) -> None:
    tx.execute(
        payout_askings.update()
        .where(payout_askings.c.id == asking.id)
        .values(look_at=look_at, answer=answer)
    )

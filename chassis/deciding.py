"""What people do with parked events: retry or drop one, a group, or all.

Of one event it is done at once. Of a group it is begun, and a job of the service works
it off in pieces, each in one commit with its figures: a crash loses nothing, several
workers do nothing twice, and no request lasts as long as the group is big.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from chassis import decisions, parking
from chassis.decisions import ALL, DONE, DROP, RETRY, RUNNING, Decision, table
from chassis.ids import new_id
from chassis.inbox import Consumer, applied
from chassis.jobs import Job
from chassis.masking import without_card_numbers
from chassis.parking import DROPPED, REASON_LENGTH, RETRIED, DecidedAlready, Deed, Parked, parked
from chassis.reasons import claims, is_id, shape

if TYPE_CHECKING:
    from chassis.database import Transaction
    from chassis.runtime import Runtime

# A hundred that all fail one by one take well under a second; nobody waits longer for them.
PIECE = 100
JOB_NAME, LOOK_SECONDS = "parked", 2.0
NAME_LENGTH = 200


@dataclass(frozen=True)
class Who:
    """Somebody who decides: his id, and his name of the moment."""

    id: str
    name: str


def clean_reason(text: str) -> str:
    """A reason that a person gave, as it is kept. Raises BadReason."""
    text = " ".join(text.split())
    if not text or len(text) > REASON_LENGTH or not text.isprintable():
        raise decisions.BadReason
    return without_card_numbers(text)


def retry_one(tx: "Transaction", consumer: Consumer, number: int, who: Who) -> Decision:
    """Try one event again. Raises NotParked, DecidedAlready."""
    event = _held(tx, number)
    deed = _deed(RETRY, who)
    settled, failed = _retry(tx, consumer, [event], deed)
    outcome = parking.find(tx, number).reason if failed else ""
    return _record_one(tx, deed, event, settled=settled, outcome=outcome)


def drop_one(tx: "Transaction", number: int, who: Who, why: str) -> Decision:
    """Never apply one event; its bytes are kept.

    Raises NotParked, DecidedAlready, AppliedMeanwhile.
    """
    event = _held(tx, number)
    if _applied_meanwhile(tx, [event]):
        raise decisions.AppliedMeanwhile(number)
    deed = _deed(DROP, who, why)
    parking.settle(tx, [number], DROPPED, deed)
    return _record_one(tx, deed, event, settled=1, outcome="")


def begin(tx: "Transaction", action: str, group: str | None, who: Who, why: str = "") -> str:
    """Decide of a group (None: of all that wait); the job carries it out. Gives the id.

    What is parked from now on is not part of it. Raises NoSuchGroup, BeingDecided.
    """
    if group and not is_id(group):
        raise decisions.NoSuchGroup
    total = parking.count(tx, group)
    if not total:
        raise decisions.NoSuchGroup
    (first,) = parking.waiting(tx, 1, group=group)
    deed = _deed(action, who, why)
    claim = group or ALL
    row = _row(tx, deed) | {
        "group_key": group,
        "type": first.type if group else "",
        "about": shape(first.reason)[:REASON_LENGTH] if group else "",
        "status": RUNNING,
        "claim": claim,
        "until": tx.execute(select(func.max(parked.c.id))).scalar_one(),
        "total": total,
    }
    try:
        tx.insert(table, [row])
    except IntegrityError as taken:
        by = tx.execute(select(table.c.by_name).where(table.c.claim == claim)).scalar()
        raise decisions.BeingDecided(by or "?") from taken
    tx.wake(JOB_NAME)
    return deed.id


def work_on(runtime: "Runtime", decision_id: str | None = None) -> bool:
    """Carry out the next piece of one running decision (None: of the oldest one).

    Says whether there was one; another process that holds it is not waited for.
    """
    if not runtime.database.read(decisions.any_running, decision_id):
        return False
    return runtime.database.run(_piece, runtime.consumer, decision_id)


CARRY_OUT = Job(JOB_NAME, work_on, LOOK_SECONDS)


def _piece(tx: "Transaction", consumer: Consumer, decision_id: str | None) -> bool:
    wanted = select(table).where(table.c.status == RUNNING)
    if decision_id:
        wanted = wanted.where(table.c.id == decision_id)
    at_hand = tx.execute(
        wanted.order_by(table.c.id).limit(1).with_for_update(skip_locked=True)
    ).one_or_none()
    if at_hand is None:
        return False
    deed = Deed(at_hand.id, at_hand.action, at_hand.by_id, at_hand.by_name, at_hand.why)
    numbers = _next_numbers(tx, at_hand)
    events = parking.hold(tx, numbers)
    if deed.action == DROP:
        settled, failed = _drop(tx, events, deed)
    else:
        settled, failed = _retry(tx, consumer, events, deed)
    values: dict[str, Any] = {
        "settled": table.c.settled + settled,
        "failed": table.c.failed + failed,
    }
    if len(numbers) < PIECE:
        values |= {"status": DONE, "claim": None, "finished_at": tx.now}
    else:
        values["reached"] = numbers[-1]
    tx.execute(table.update().where(table.c.id == deed.id).values(**values))
    return True


def _next_numbers(tx: "Transaction", at_hand: Any) -> list[int]:
    wanted = select(parked.c.id).where(
        parked.c.status == parking.PARKED,
        parked.c.id > at_hand.reached,
        parked.c.id <= at_hand.until,
    )
    if at_hand.group_key:
        wanted = wanted.where(parked.c.group_key == at_hand.group_key)
    return list(tx.execute(wanted.order_by(parked.c.id).limit(PIECE)).scalars())


def _held(tx: "Transaction", number: int) -> Parked:
    event = parking.find(tx, number, held=True)
    if event.status != parking.PARKED:
        raise DecidedAlready(event)
    return event


def _drop(tx: "Transaction", events: Sequence[Parked], deed: Deed) -> tuple[int, int]:
    """Drop what has not taken effect; how many that were, and how many stay parked."""
    late = _applied_meanwhile(tx, events)
    for event in late:
        parking.keep_parked(tx, event, str(decisions.AppliedMeanwhile(event.id)), event.detail)
    wanted = [event.id for event in events if event not in late]
    parking.settle(tx, wanted, DROPPED, deed)
    return len(wanted), len(late)


def _applied_meanwhile(tx: "Transaction", events: Sequence[Parked]) -> list[Parked]:
    """Those that came once more and were applied then: whoever drops them is mistaken."""
    ids = {event.id: claims(event.payload).event_id for event in events}
    seen = applied(tx, [event_id for event_id in ids.values() if event_id])
    return [event for event in events if ids[event.id] in seen]


def _retry(
    tx: "Transaction", consumer: Consumer, events: Sequence[Parked], deed: Deed
) -> tuple[int, int]:
    """Apply what can be applied now; how many that were, and how many stay parked."""
    failures = consumer.apply_again(tx, [event.payload for event in events])
    done = []
    for event, failure in zip(events, failures, strict=True):
        if failure is None:
            done.append(event.id)
        else:
            parking.keep_parked(tx, event, failure.reason, failure.detail)
    parking.settle(tx, done, RETRIED, deed)
    return len(done), len(events) - len(done)


def _record_one(
    tx: "Transaction", deed: Deed, event: Parked, *, settled: int, outcome: str
) -> Decision:
    row = _row(tx, deed) | {
        "number": event.id,
        "group_key": event.group_key,
        "type": event.type,
        "about": event.reason,
        "status": DONE,
        "total": 1,
        "settled": settled,
        "failed": 1 - settled,
        "outcome": outcome,
        "finished_at": tx.now,
    }
    tx.insert(table, [row])
    return decisions.find(tx, deed.id)


def _deed(action: str, who: Who, why: str = "") -> Deed:
    return Deed(new_id(), action, who.id[:NAME_LENGTH], who.name[:NAME_LENGTH], why)


def _row(tx: "Transaction", deed: Deed) -> dict[str, Any]:
    """A decision of which nothing has been carried out."""
    nothing = dict.fromkeys(("number", "group_key", "claim", "finished_at"))
    figures = dict.fromkeys(("reached", "until", "total", "settled", "failed"), 0)
    return {**vars(deed), "decided_at": tx.now, "outcome": "", **nothing, **figures}

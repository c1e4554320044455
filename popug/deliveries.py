"""Whether every event has arrived: none waits or is parked, and no change of rights is lost.

What a worker holds in its hands at this moment is in no queue's count; `popug status` tells
of that, and its effects are missed by the other invariants.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import auth.facts
from chassis import outbox, parking
from chassis.access import Known, everybodys_access
from chassis.broker import BrokerAway
from chassis.checks import Finding
from chassis.database import Reading
from chassis.reasons import claims
from chassis.runtime import Runtime

IDS_SHOWN = 5


@dataclass(frozen=True)
class _Left:
    """How many there are, and some of them by name."""

    count: int
    some: Sequence[str] = ()

    def __str__(self) -> str:
        if not self.some:
            return str(self.count)
        more = self.count - len(self.some)
        return f"{self.count} ({', '.join(self.some)}{f' and {more} more' if more > 0 else ''})"


def all_arrived(runtimes: Mapping[str, Runtime]) -> list[Finding]:
    """A finding for each place where an event can be instead of having taken effect."""
    return [
        nothing_on_its_way(runtimes),
        nothing_in_queues(runtimes),
        nothing_parked(runtimes),
        rights_agree(runtimes),
    ]


def nothing_on_its_way(runtimes: Mapping[str, Runtime]) -> Finding:
    """Outboxes drain."""
    left = _told({name: r.database.read(_unsent) for name, r in runtimes.items()})
    return Finding("no event waits in an outbox", not left, left or "all outboxes empty")


def nothing_in_queues(runtimes: Mapping[str, Runtime]) -> Finding:
    """Queues empty: a service's own, what the broker gave up, what no service hears."""
    name = "no event waits in a queue"
    any_runtime = next(iter(runtimes.values()))
    try:
        queues = any_runtime.look_at_queues()
    except BrokerAway as away:
        return Finding(name, False, f"cannot be known: {away}")
    kinds = {
        "for": {service: _Left(count) for service, count in queues.by_service.items()},
        "given up for": {service: _Left(count) for service, count in queues.dead.items()},
        "heard by": {"no service": _Left(queues.unroutable)},
    }
    told = [f"{kind} {left}" for kind, lefts in kinds.items() if (left := _told(lefts))]
    return Finding(name, not told, "; ".join(told) or "all queues empty")


def nothing_parked(runtimes: Mapping[str, Runtime]) -> Finding:
    """Parked events wait for a person; until then something is missing somewhere."""
    left = _told({name: r.database.read(_parked) for name, r in runtimes.items()})
    detail = f"{left}; see: popug parked list" if left else "nothing is parked"
    return Finding("no event is parked", not left, detail)


def rights_agree(runtimes: Mapping[str, Runtime]) -> Finding:
    """What each service has heard of people's rights is what auth has decided."""
    decided = dict(runtimes["auth"].database.read(lambda reading: list(auth.facts.rights(reading))))
    left = _told(
        {
            name: _differing(decided, runtime.database.read(everybodys_access))
            for name, runtime in runtimes.items()
        }
    )
    detail = left or f"{len(decided)} compared"
    return Finding("rights are everywhere those of auth", not left, detail)


def _differing(decided: Mapping[str, Known], heard: Mapping[str, Known]) -> _Left:
    wrong = sorted(
        user for user in decided.keys() | heard.keys() if decided.get(user) != heard.get(user)
    )
    return _Left(
        len(wrong),
        [
            f"{user}: {_words(heard.get(user))}, auth says {_words(decided.get(user))}"
            for user in wrong[:IDS_SHOWN]
        ],
    )


def _words(known: Known | None) -> str:
    if known is None:
        return "unknown"
    return f"{known.role}{'' if known.active else ', disabled'} at epoch {known.epoch}"


def _unsent(reading: Reading) -> _Left:
    some = outbox.unsent(reading, IDS_SHOWN)
    return _Left(outbox.depth(reading)[0], [message.id for message in some])


def _parked(reading: Reading) -> _Left:
    some = parking.waiting(reading, IDS_SHOWN)
    return _Left(
        parking.count(reading),
        [f"number {e.id}: {claims(e.payload).event_id or 'without an id'}" for e in some],
    )


def _told(left: Mapping[str, _Left]) -> str:
    return "; ".join(f"{name}: {what}" for name, what in left.items() if what.count)

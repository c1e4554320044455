"""What is wrong with the system, judged from what its services and its broker tell.

Each trouble names the heading in docs/operations.md under which it says what to do.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l

# Events are relayed and applied within a second; a minute is no hiccup any more.
WAITS_TOO_LONG = timedelta(minutes=1)
# Tokens are taken up to half a minute off; a clock that is seconds off is drifting.
CLOCKS_DIFFER_SECONDS = 5.0

AWAY, DATABASE, WORKERS = "A service does not answer", "A database is away", "Nobody is at work"
BROKER, WAITING = "RabbitMQ is away", "Events wait to be sent"
UNAPPLIED = "Events wait to be applied"
PARKED, UNROUTABLE = "Parked events", "Unroutable events"
DIFFER, BUSINESS = "Services differ", "What the services tell of themselves"


@dataclass(frozen=True)
class Queues:
    """What waits in the broker: `by_service` and `dead` by service; None where unknown.

    `consumers` take from a service's queue. What they hold and have not applied is in none
    of these counts. `away` says why nothing is known; a broker in this process has no
    queues at all.
    """

    by_service: Mapping[str, int] = field(default_factory=dict)
    dead: Mapping[str, int] = field(default_factory=dict)
    consumers: Mapping[str, int] = field(default_factory=dict)
    unroutable: int = 0
    away: str | None = None

    def to_apply(self, row: Mapping[str, Any]) -> int | None:
        """Events for a service, in its queue or its workers' hands; None where unknown."""
        waiting = self.by_service.get(row["service"])
        return None if waiting is None else waiting + (row.get("in_hand") or 0)

    def lag_seconds(self, row: Mapping[str, Any]) -> float | None:
        """How old the oldest of these is; None while nobody holds it and could tell."""
        waiting, in_hand = self.by_service.get(row["service"]), row.get("in_hand")
        if waiting is None or in_hand is None or (waiting and not in_hand):
            return None
        return float(row["lag_seconds"])


@dataclass(frozen=True)
class Trouble:
    """One thing that needs a person: what is wrong, where to read on, which page helps."""

    kind: str
    service: str | None
    text: Any
    see: str
    page: str | None = None


def judge(
    rows: Sequence[Mapping[str, Any]],
    queues: Queues,
    now: datetime,
    lines: Mapping[tuple[str, str], Any],
) -> list[Trouble]:
    """Everything that needs a person, worst first; none if all is well.

    `rows` are as `chassis.status.look_at_all` gives them; `lines` are the services'
    status lines by (service, name).
    """
    return [
        *_of_the_broker(queues),
        *(trouble for row in rows for trouble in _of_a_service(row, now)),
        *_of_the_queues(queues),
        *(trouble for row in rows for trouble in _of_its_lines(row, lines)),
        *_of_all(rows),
    ]


def _of_the_broker(queues: Queues) -> Iterator[Trouble]:
    if queues.away:
        text = _l(
            "RabbitMQ does not answer; changes are kept in the outboxes and sent once it is back."
        )
        yield Trouble("broker", None, text, BROKER)


def _of_a_service(row: Mapping[str, Any], now: datetime) -> Iterator[Trouble]:
    service = row["service"]
    if row["alive"] is False:
        text = _l("%(service)s does not answer.", service=service)
        yield Trouble("away", service, text, AWAY)
    if row.get("database_error"):
        text = _l("The database of %(service)s does not answer.", service=service)
        yield Trouble("database", service, text, DATABASE)
    if row.get("workers") == []:
        text = _l("No worker of %(service)s is at work: nothing is sent, heard or paid.",
                  service=service)  # fmt: skip
        yield Trouble("workers", service, text, WORKERS)
    oldest = row.get("oldest")
    if oldest and now - datetime.fromisoformat(oldest) > WAITS_TOO_LONG:
        text = _l("Events of %(service)s wait to be sent: %(count)s.",
                  service=service, count=row["waiting"])  # fmt: skip
        yield Trouble("waiting", service, text, WAITING)
    lag_seconds = row.get("lag_seconds") or 0.0
    if lag_seconds > WAITS_TOO_LONG.total_seconds():
        text = _l("Events for %(service)s are applied late: the oldest is %(seconds)s s old.",
                  service=service, seconds=round(lag_seconds))  # fmt: skip
        yield Trouble("lag", service, text, UNAPPLIED)
    if row.get("parked"):
        text = _l("%(service)s could not apply events: %(count)s wait for a decision.",
                  service=service, count=row["parked"])  # fmt: skip
        yield Trouble("parked", service, text, PARKED, f"/{service}/parked")
    if row.get("revision") not in (None, row.get("needed_revision")):
        text = _l("The database of %(service)s is not of its program's version.", service=service)
        yield Trouble("revision", service, text, DIFFER)


def _of_the_queues(queues: Queues) -> Iterator[Trouble]:
    for service, count in queues.by_service.items():
        if count and queues.consumers.get(service) == 0:
            text = _l("Nobody takes the events for %(service)s from its queue: %(count)s wait.",
                      service=service, count=count)  # fmt: skip
            yield Trouble("nobody_takes", service, text, UNAPPLIED)
    for service, count in queues.dead.items():
        if count:
            text = _l("RabbitMQ gave up delivering events to %(service)s: %(count)s.",
                      service=service, count=count)  # fmt: skip
            yield Trouble("dead", service, text, PARKED)
    if queues.unroutable:
        text = _l("No service hears these events: %(count)s.", count=queues.unroutable)
        yield Trouble("unroutable", None, text, UNROUTABLE)


def _of_its_lines(
    row: Mapping[str, Any], lines: Mapping[tuple[str, str], Any]
) -> Iterator[Trouble]:
    for name, told in (row.get("lines") or {}).items():
        line = lines.get((row["service"], name))
        if line and told["needs_a_person"]:
            text = _Sentence("{}: {}. {}", (line.title, told["value"], line.advice))
            page = f"/{row['service']}{line.path}"
            yield Trouble(name, row["service"], text, BUSINESS, page)


def _of_all(rows: Sequence[Mapping[str, Any]]) -> Iterator[Trouble]:
    for kind, said in (
        ("version", _l("The services are of different versions:")),
        ("timezone", _l("The services have different time zones:")),
        ("currency", _l("The services have different currencies:")),
    ):
        values = sorted({value for row in rows for value in _values(row, kind)})
        if len(values) > 1:
            text = _Sentence("{} {}", (said, ", ".join(values)))
            yield Trouble(kind, None, text, DIFFER)
    for row in rows:
        if abs(row.get("clock_seconds") or 0.0) > CLOCKS_DIFFER_SECONDS:
            text = _l("The clock of %(service)s is off by %(seconds)s s.",
                      service=row["service"], seconds=row["clock_seconds"])  # fmt: skip
            yield Trouble("clock", row["service"], text, DIFFER)


def _values(row: Mapping[str, Any], kind: str) -> Iterator[str]:
    if row.get(kind):
        yield row[kind]
    if kind == "version":
        yield from (worker["version"] for worker in row.get("workers") or ())


@dataclass(frozen=True)
class _Sentence:
    """Put together when it is read, in the reader's language."""

    pattern: Any
    parts: tuple[Any, ...]

    def __str__(self) -> str:
        return str(self.pattern).format(*(str(part) for part in self.parts))

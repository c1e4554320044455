"""The invariants of the whole system, each as one function that names the ids that differ.

A service's own invariants are checked by its `checks.py`; here stands what only several
services together can show.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import accounts.checks
import accounts.facts
import analytics.facts
import billing.checks
import tasks.facts
from accounts.domain import WORK
from chassis import inbox
from chassis.checks import Finding
from chassis.database import Database, Reading
from chassis.events import decode
from chassis.migrations import migrate
from chassis.runtime import Runtime
from contracts.tasks import TaskAssigned, TaskClosed
from popug.deliveries import all_arrived
from popug.payout_books import payouts_agree

IDS_SHOWN = 20


@dataclass(frozen=True)
class Views:
    """All services opened for reading."""

    runtimes: Mapping[str, Runtime]

    def of(self, service: str, look: Callable[..., Iterable[Any]]) -> list[Any]:
        """Everything that `look(reading)` gives, from that service's database."""
        return self.runtimes[service].database.read(lambda reading: list(look(reading)))


def all_invariants(views: Views) -> list[Finding]:
    """Every invariant, in the order of the contract's section 7."""
    own = [
        replace(finding, name=f"{service}: {finding.name}")
        for service, findings in (
            ("accounts", views.of("accounts", accounts.checks.run)),
            ("billing", billing.checks.run(views.runtimes["billing"])),
        )
        for finding in findings
    ]
    return [
        *own,
        every_assignment_charged(views),
        every_close_paid(views),
        *payouts_agree(views.runtimes),
        days_agree(views),
        sums_agree(views),
        *all_arrived(views.runtimes),
        ledger_replays(views),
        analytics_replays(views),
    ]


def every_assignment_charged(views: Views) -> Finding:
    """Each assignment is charged once to its assignee, and nothing else is."""
    return _compare(
        "every assignment is charged exactly once",
        [(c.assignment_id, c.assignee_id, c.fee) for c in views.of("tasks", tasks.facts.charges)],
        _work(views, accounts.facts.fees),
    )


def every_close_paid(views: Views) -> Finding:
    """Each closed task is paid once to the one who closed it, and nothing else is."""
    return _compare(
        "every closed task is paid exactly once",
        [(p.task_id, p.assignee_id, p.reward) for p in views.of("tasks", tasks.facts.pays)],
        _work(views, accounts.facts.rewards),
    )


def days_agree(views: Views) -> Finding:
    """Analytics' days are the company days, but for late entries, which are listed."""
    earned = dict(views.runtimes["accounts"].database.read(accounts.facts.earned))
    late = [
        entry for entry in views.of("accounts", accounts.facts.late_entries) if entry.kind in WORK
    ]
    for entry in late:
        # Booked on the first open day, it counts in analytics on the day of its own time.
        earned[entry.day] = earned.get(entry.day, 0) + entry.sum
        earned[entry.own_day] = earned.get(entry.own_day, 0) - entry.sum
    finding = _compare(
        "analytics' days are the company days",
        [(day, amount) for day, amount in earned.items() if amount],
        [(d.date, d.profit) for d in views.of("analytics", analytics.facts.days) if d.profit],
    )
    if not late:
        return finding
    ids = ", ".join(entry.transaction_id for entry in late[:IDS_SHOWN])
    return Finding(finding.name, finding.ok, f"{finding.detail}; {len(late)} late entries: {ids}")


def sums_agree(views: Views) -> Finding:
    """What analytics has counted for each popug comes to his balance: nothing went unheard."""
    counted: Counter[str] = Counter()
    for day in views.of("analytics", analytics.facts.user_days):
        counted[day.user_id] += day.sum
    return _compare(
        "analytics' sums are the balances",
        [(b.user_id, b.amount) for b in views.of("accounts", accounts.facts.balances) if b.amount],
        [(user_id, amount) for user_id, amount in counted.items() if amount],
    )


def ledger_replays(views: Views) -> Finding:
    """The fees and rewards booked are those of all events ever heard."""
    heard: set[tuple[Any, ...]] = set()
    for body in views.of("accounts", _bodies):
        event = decode(body).data
        if isinstance(event, TaskAssigned):
            heard.add((event.assignment_id, event.assignee_id, event.fee))
        elif isinstance(event, TaskClosed):
            heard.add((event.task_id, event.assignee_id, event.reward))
    booked = _work(views, accounts.facts.fees) + _work(views, accounts.facts.rewards)
    return _compare("all events replayed give the same ledger", heard, booked)


def analytics_replays(views: Views) -> Finding:
    """Analytics built from zero on a scratch database gives the same figures."""
    runtime = views.runtimes["analytics"]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Database(
            f"sqlite:///{Path(folder) / 'analytics.db'}",
            runtime.clock,
            runtime.settings,
            runtime.database.source,
        )
        migrate(scratch, runtime.service.package)
        with runtime.database.reading() as reading:
            for bodies in inbox.heard_events(reading):
                scratch.run(
                    inbox.apply, runtime.service.handlers, [decode(body) for body in bodies]
                )
        rebuilt = scratch.read(_analytics_figures)
        scratch.dispose()
    return _compare(
        "all events replayed give the same analytics",
        rebuilt,
        views.of("analytics", _analytics_figures),
    )


def _analytics_figures(reading: Reading) -> list[tuple[Any, ...]]:
    figures = [*analytics.facts.days(reading), *analytics.facts.user_days(reading)]
    return [tuple(vars(figure).values()) for figure in figures]


def _work(views: Views, look: Callable[..., Iterable[Any]]) -> list[tuple[Any, ...]]:
    return [(w.source_id, w.user_id, w.amount) for w in views.of("accounts", look)]


def _bodies(reading: Any) -> Iterable[bytes]:
    for batch in inbox.heard_events(reading):
        yield from batch


def _compare(name: str, expected: Iterable[Any], found: Iterable[Any]) -> Finding:
    """Whether both hold the same rows, each as often; a row begins with its id."""
    wanted, got = Counter(expected), Counter(found)
    missing, extra = wanted - got, got - wanted
    if not missing and not extra:
        return Finding(name, True, f"{wanted.total()} compared")
    parts = [
        f"{len(rows)} {word}: {', '.join(str(row[0]) for row in list(rows)[:IDS_SHOWN])}"
        for word, rows in (("missing", missing), ("too many or different", extra))
        if rows
    ]
    return Finding(name, False, "; ".join(parts))

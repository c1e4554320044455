"""Property tests: whatever the order, the repetitions and the batches, the books agree."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import closing, service
from chassis.clock import MovingClock
from chassis.database import Database
from chassis.events import Event
from chassis.inbox import Consumer
from contracts.tasks import TaskAssigned
from tests.integration.accounts.desk import (
    TODAY,
    assert_sound,
    assigned,
    at,
    balances,
    booked,
    closed,
    payouts,
    recorded,
)
from tests.support import Workbench

FIRST = date(2026, 3, 7)
USERS = ("ann", "bob", "cid", "dan")
examples = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

days = st.integers(7, 10)
amounts = st.integers(0, 4_000)
user_ids = st.sampled_from(USERS)


@st.composite
def work(draw: st.DrawFn) -> list[Event]:
    """Assignments and closes of up to thirty tasks, over four days."""
    events: list[Event] = []
    for n in range(draw(st.integers(1, 30))):
        for again in range(draw(st.integers(0, 2))):
            when = at(draw(days), draw(st.integers(0, 11)))
            events.append(assigned(f"a{n}-{again}", draw(user_ids), draw(amounts), when, f"t{n}"))
        if draw(st.booleans()):
            events.append(closed(f"t{n}", draw(user_ids), draw(amounts), at(draw(days), 1)))
    return events


@st.composite
def delivery(draw: st.DrawFn, events: Sequence[Event]) -> list[list[int]]:
    """Each event one to five times, in any order, in batches of 1 to 500."""
    copies = [n for n in range(len(events)) for _ in range(draw(st.integers(1, 5)))]
    order = draw(st.permutations(copies))
    batches: list[list[int]] = []
    while order:
        size = draw(st.sampled_from([1, 2, 3, 7, 50, 500]))
        batches.append(list(order[:size]))
        order = order[size:]
    return batches


@dataclass
class Book:
    """The ledger worked out in the plainest way, to compare with."""

    money: dict[str, list[tuple[date, int]]] = field(default_factory=dict)
    paid: set[tuple[str, date, int]] = field(default_factory=set)
    closed_through: date | None = None
    known: set[tuple[str, str, int, date]] = field(default_factory=set)

    def hear(self, event: Event) -> None:
        if isinstance(event, TaskAssigned):
            kind, source, amount, when = (
                "fee",
                event.assignment_id,
                -event.fee,
                event.assigned_at,
            )
        else:
            kind, source, amount, when = "reward", event.task_id, event.reward, event.closed_at  # type: ignore[attr-defined]
        if (kind, source) in {known[:2] for known in self.known}:
            return
        day = when.date()
        if self.closed_through is not None and day <= self.closed_through:
            day = self.closed_through + timedelta(days=1)
        self.known.add((kind, source, amount, day))
        self.money.setdefault(event.assignee_id, []).append((day, amount))  # type: ignore[attr-defined]

    def close(self, last: date) -> None:
        day = FIRST if self.closed_through is None else self.closed_through + timedelta(days=1)
        while day <= last:
            for user_id, entries in self.money.items():
                held = sum(amount for of, amount in entries if of <= day)
                if held > 0:
                    entries.append((day, -held))
                    self.paid.add((user_id, day, held))
            day += timedelta(days=1)
        self.closed_through = max(last, self.closed_through or last)

    @property
    def balances(self) -> dict[str, int]:
        return {user_id: sum(a for _, a in entries) for user_id, entries in self.money.items()}


@dataclass
class Ledger:
    """A fresh ledger on a file of its own."""

    database: Database
    consumer: Consumer


@pytest.fixture
def template(workbench: Callable[..., Workbench]) -> Workbench:
    bench = workbench(service)
    bench.close()
    return bench


@contextmanager
def fresh(template: Workbench) -> Iterator[Ledger]:
    """A copy of the migrated, empty database: much quicker than migrating each time."""
    own = template.runtime().database
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "accounts.db"
        shutil.copy(str(own.engine.url.database), copy)
        clock = MovingClock(at(10))
        database = Database(f"sqlite:///{copy}", clock, own.settings, own.source)
        try:
            yield Ledger(database, Consumer("accounts", database, service.handlers))
        finally:
            database.dispose()


def _booked(ledger: Ledger) -> set[tuple[str, str, int, date]]:
    rows = booked(ledger.database, "kind", "source_id", "sum", "day")
    assert len(rows) == len(set(rows))
    return {row for row in rows if row[0] != "payout"}


@examples
@given(data=st.data())
def test_any_order_any_repetition_and_any_batches_give_the_same_books(
    template: Workbench, data: st.DataObject
) -> None:
    events = data.draw(work())
    batches = data.draw(delivery(events))
    bodies = [template.envelope(event) for event in events]
    book = Book()
    for event in events:
        book.hear(event)
    with fresh(template) as ledger:
        for batch in batches:
            # Every other copy comes under an event id of its own.
            ledger.consumer.deliver(
                [template.envelope(events[n]) if n % 2 else bodies[n] for n in batch]
            )
        assert balances(ledger.database) == book.balances
        assert _booked(ledger) == book.known
        assert_sound(ledger.database)


@examples
@given(data=st.data())
def test_closing_in_between_pays_everybody_once(template: Workbench, data: st.DataObject) -> None:
    events = data.draw(work())
    batches = data.draw(delivery(events))
    nights = data.draw(st.lists(st.tuples(st.integers(0, len(batches)), days), max_size=5))
    book = Book()
    with fresh(template) as ledger:
        for turn, batch in enumerate(batches):
            for _, night in (close for close in nights if close[0] == turn):
                closing.close_day(ledger.database, date(2026, 3, night), "carol")
                book.close(date(2026, 3, night))
            ledger.consumer.deliver([template.envelope(events[n]) for n in batch])
            for each in batch:
                book.hear(events[each])
        closing.close_day(ledger.database, TODAY, "carol")
        book.close(TODAY)
        assert payouts(ledger.database) == book.paid
        assert balances(ledger.database) == book.balances
        assert _booked(ledger) == book.known
        told = sum(amount for _, _, amount in recorded(ledger.database).values())
        assert told == sum(amount for _, _, amount in book.paid)
        assert_sound(ledger.database)

"""Every event one to five times, in any order, in batches of any size: the same end state.

The reference is each event once, in the order in which it happened.
"""

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, select

from accounts import company_days
from accounts.models import company_sums
from analytics.models import loser_changes
from analytics.rebuild import rebuild
from chassis import access, outbox, parking
from chassis.clock import MovingClock
from chassis.database import Database, Reading
from chassis.events import Envelope, Event, encode
from chassis.inbox import Consumer, inbox
from chassis.migrations import migrate
from chassis.service import Service
from chassis.settings import load_settings
from contracts.accounts import PayoutRequested, TransactionReversed
from contracts.auth import AccessChanged
from contracts.billing import PayoutFailed, PayoutSucceeded
from contracts.tasks import TaskAssigned, TaskClosed
from popug.system import system
from tests.support import NOON

# What differs from run to run though nothing is wrong: numbers that the database or
# chance gives, and balances after an entry, which depend on the order of arrival.
NOT_COMPARED = {
    "entries": {"position", "transaction_id", "balance"},
    "late_entries": {"transaction_id"},
    "mails": {"id"},
    "payout_transitions": {"id"},
    "payouts": {"idempotency_key"},
    "gate": {"rebuilt_at"},
}
CLOCK = MovingClock(NOON)
SETTINGS = load_settings({})


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """What may have happened in a few days, in its order, with no sense beyond the rules."""
    events: list[Event] = []
    moments = st.integers(0, 4 * 24 * 60).map(lambda m: NOON - timedelta(minutes=m))
    users = st.integers(0, 3).map("u{}".format)
    for number in range(draw(st.integers(1, 8))):
        prices = {"fee": draw(st.integers(10, 20)) * 100, "reward": draw(st.integers(20, 40)) * 100}
        holders = draw(st.lists(users, min_size=1, max_size=3))
        for turn, holder in enumerate(holders):
            events.append(
                TaskAssigned(
                    assignment_id=f"a{number}-{turn}",
                    task_id=f"t{number}",
                    assignee_id=holder,
                    reason="created" if turn == 0 else "shuffled",
                    assigned_at=draw(moments),
                    **prices,
                )
            )
        if draw(st.booleans()):
            events.append(
                TaskClosed(
                    task_id=f"t{number}",
                    assignee_id=holders[-1],
                    closed_at=draw(moments),
                    **prices,
                )
            )
    events += _payouts(draw)
    for epoch in range(draw(st.integers(0, 4))):
        change = AccessChanged(
            user_id=draw(users),
            role=draw(st.sampled_from(["worker", "manager"])),
            active=draw(st.booleans()),
            epoch=epoch,
            ended_sessions=[f"s{epoch}"],
        )
        events.append(change)
    return events


def _payouts(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = []
    for number in range(draw(st.integers(0, 4))):
        paid: dict[str, Any] = {
            "payout_id": f"p{number}",
            "user_id": f"u{number}",
            "date": date(2026, 3, 7 + number),
            "amount": draw(st.integers(1, 10_000)),
        }
        events.append(PayoutRequested(**paid, currency="USD"))
        outcome = draw(st.sampled_from([PayoutSucceeded, PayoutFailed, None]))
        if outcome:
            events.append(outcome(**paid))
        if draw(st.booleans()):
            events.append(
                TransactionReversed(
                    transaction_id=f"r{number}",
                    reverses=f"p{number}",
                    user_id=f"u{number}",
                    sum=paid["amount"],
                    date=paid["date"],
                    reason="card closed",
                )
            )
    return events


@pytest.fixture(scope="module")
def empty() -> Iterator[Path]:
    """A folder with every service's database, made once and copied for each run."""
    with tempfile.TemporaryDirectory() as folder:
        for service in system.services:
            database = _database(Path(folder), service)
            migrate(database, service.package)
            database.dispose()
        yield Path(folder)


def _database(folder: Path, service: Service) -> Database:
    return Database(
        f"sqlite:///{folder}/{service.name}.db", CLOCK, SETTINGS, f"/popug/{service.name}"
    )


@dataclass(frozen=True)
class Delivery:
    """How messages reach the services: each how often, in which order, how many at once."""

    seed: int
    most_times: int
    batch: int

    def arrange(self, messages: Sequence[bytes]) -> list[list[bytes]]:
        chance = random.Random(self.seed)
        if self.most_times == 1:
            order = list(messages)
        else:
            order = [m for m in messages for _ in range(chance.randint(1, self.most_times))]
            chance.shuffle(order)
        return [order[i : i + self.batch] for i in range(0, len(order), self.batch)]


ONCE_IN_ORDER = Delivery(seed=0, most_times=1, batch=1)
DELIVERIES = st.builds(
    Delivery,
    seed=st.integers(0, 2**32),
    most_times=st.integers(2, 5),
    batch=st.sampled_from([1, 2, 3, 7, 50, 500]),
)


def _encoded(events: Sequence[Event]) -> list[tuple[str, bytes]]:
    return [
        (e.type, encode(Envelope(f"e{n}", f"/popug/{e.type.split('.')[1]}", NOON, e)))
        for n, e in enumerate(events)
    ]


def _state_after(
    empty: Path, service: Service, events: Sequence[Event], delivery: Delivery
) -> dict[str, Any]:
    """The end state of one service; analytics is also built again and must not change."""
    messages = [body for kind, body in _encoded(events) if kind in service.handlers.types]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(empty / f"{service.name}.db", folder)
        database = _database(Path(folder), service)
        consumer = Consumer(service.name, database, service.handlers)
        for batch in delivery.arrange(messages):
            consumer.deliver(batch)
        state = database.read(_dump, service)
        if service.name == "analytics":
            database.run(rebuild)
            assert database.read(_dump, service) == state, "rebuilt analytics differs"
        database.dispose()
    return state


def _dump(reading: Reading, service: Service) -> dict[str, Any]:
    tables = [*service.metadata.tables.values(), access.access, access.ended_sessions, inbox]
    tables += [parking.parked, outbox.outbox]
    state: dict[str, Any] = {table.name: Counter(_rows(reading, table)) for table in tables}
    if state.pop(company_sums.name, None) is not None:
        # Which of its rows a day's sums are in is chance; what they come to is not.
        state["company days"] = company_days.figures(reading, date.min, date.max)
    if changes := state.get(loser_changes.name):
        # A day on which somebody fell and came back says what a day without a row says.
        state[loser_changes.name] = Counter({row: n for row, n in changes.items() if row[1]})
    return state


def _rows(reading: Reading, table: Table) -> list[tuple[Any, ...]]:
    ignored = NOT_COMPARED.get(table.name, set())
    columns = [column for column in table.c if column.name not in ignored]
    return [tuple(row) for row in reading.execute(select(*columns))]


@pytest.mark.parametrize("service", system.services, ids=lambda service: service.name)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories(), delivery=DELIVERIES)
def test_any_order_any_repetition_any_batch_gives_the_same_state(
    empty: Path, service: Service, history: list[Event], delivery: Delivery
) -> None:
    reference = _state_after(empty, service, history, ONCE_IN_ORDER)
    assert reference["parked_events"] == Counter(), "the history itself must be sound"
    assert _state_after(empty, service, history, delivery) == reference

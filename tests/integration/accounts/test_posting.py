"""What is booked when tasks are assigned and closed (rules 8 and 9)."""

from datetime import date

from sqlalchemy import func, select

from accounts.models import entries, metadata
from chassis import outbox, parking
from chassis.database import Database
from chassis.migrations import differences
from tests.integration.accounts.desk import assigned, at, balances, booked, closed
from tests.support import NOON, Workbench


def test_the_migrated_tables_are_the_declared_ones(database: Database) -> None:
    assert differences(database, metadata, outbox.metadata) == []


def test_an_assignment_charges_the_fee_and_a_close_pays_the_reward(
    bench: Workbench, database: Database
) -> None:
    bench.hear(assigned("a1", "ann", 1500, task_id="t1"))
    bench.hear(closed("t1", "ann", 3000, at(10, 15)))
    assert booked(database, "kind", "source_id", "task_id", "sum", "balance", "occurred_at") == [
        ("fee", "a1", "t1", -1500, -1500, NOON),
        ("reward", "t1", "t1", 3000, 1500, at(10, 15)),
    ]
    assert balances(database) == {"ann": 1500}


def test_the_company_has_the_other_side_of_each_transaction(
    bench: Workbench, database: Database
) -> None:
    bench.hear(assigned("a1", "ann", 1500), assigned("a2", "bob", 1000))
    with database.reading() as reading:
        rows = reading.execute(
            select(entries.c.side, entries.c.user_id, entries.c.sum, entries.c.balance)
            .where(entries.c.side == "company")
            .order_by(entries.c.user_id)
        ).all()
        total = reading.execute(select(func.sum(entries.c.sum))).scalar()
    assert [tuple(row) for row in rows] == [
        ("company", "ann", 1500, None),
        ("company", "bob", 1000, None),
    ]
    assert total == 0


def test_a_close_that_overtakes_its_assignment_ends_the_same(
    bench: Workbench, database: Database
) -> None:
    bench.hear(closed("t1", "ann", 3000))
    bench.hear(assigned("a1", "ann", 1500, task_id="t1"))
    assert booked(database, "kind", "balance") == [("reward", 3000), ("fee", 1500)]
    assert balances(database) == {"ann": 1500}


def test_the_same_bytes_twice_change_nothing(bench: Workbench, database: Database) -> None:
    body = bench.envelope(assigned("a1", "ann", 1500))
    bench.runtime().consumer.deliver([body, body])
    bench.runtime().consumer.deliver([body])
    assert balances(database) == {"ann": -1500}


def test_the_same_assignment_under_other_event_ids_is_charged_once(
    bench: Workbench, database: Database
) -> None:
    bench.hear(assigned("a1", "ann", 1500), assigned("a1", "ann", 1500))
    bench.hear(assigned("a1", "ann", 1500), assigned("a2", "ann", 1000))
    assert booked(database, "source_id", "sum", "balance") == [
        ("a1", -1500, -1500),
        ("a2", -1000, -2500),
    ]


def test_an_assignment_and_a_task_of_the_same_id_are_two_things(
    bench: Workbench, database: Database
) -> None:
    bench.hear(assigned("x", "ann", 1500), closed("x", "ann", 3000))
    assert balances(database) == {"ann": 1500}


def test_a_batch_larger_than_a_statement_runs_each_balance_through(
    bench: Workbench, database: Database
) -> None:
    bench.hear(*[assigned(f"a{n}", f"u{n % 3}", 1000 + n) for n in range(1_200)])
    # 400 fees each: 400 × 1000 plus the sums of 0, 3, … 1197, of 1, 4, … and of 2, 5, …
    assert balances(database) == {"u0": -639_400, "u1": -639_800, "u2": -640_200}
    of_one = booked(database, "sum", "balance", user_id="u0")
    assert of_one[:3] == [(-1000, -1000), (-1003, -2003), (-1006, -3009)]
    assert of_one[-1] == (-2197, -639_400)


def test_a_bad_event_does_not_stop_its_neighbours(bench: Workbench, database: Database) -> None:
    body = bench.envelope(assigned("a1", "ann", 1500))
    bench.runtime().consumer.deliver([body.replace(b"1500", b"-5"), b"{", body])
    assert balances(database) == {"ann": -1500}
    with database.reading() as reading:
        assert parking.count(reading) == 2


def test_a_moment_beyond_the_calendar_parks_the_event(bench: Workbench, database: Database) -> None:
    body = bench.envelope(assigned("a1", "ann", 1500))
    far = body.replace(
        b'"assigned_at":"2026-03-10T12:00:00Z"', b'"assigned_at":"9999-12-31T23:59:59-23:00"'
    )
    assert far != body
    bench.runtime().consumer.deliver([far, bench.envelope(assigned("a2", "bob", 1000))])
    assert balances(database) == {"bob": -1000}
    with database.reading() as reading:
        assert parking.count(reading) == 1


def test_an_entry_of_the_future_is_booked_today_and_keeps_its_time(
    bench: Workbench, database: Database
) -> None:
    bench.hear(assigned("a1", "ann", 1500, at(12)))
    assert booked(database, "day", "occurred_at") == [(date(2026, 3, 10), at(12))]


def test_an_entry_of_an_earlier_open_day_is_booked_there(
    bench: Workbench, database: Database
) -> None:
    bench.hear(assigned("a1", "ann", 1500, at(4)))
    assert booked(database, "day") == [date(2026, 3, 4)]

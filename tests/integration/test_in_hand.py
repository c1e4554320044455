"""What a process has committed, it sends by itself; whatever it leaves, another one finds."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from chassis import in_hand, outbox
from chassis.broker import BrokerAway
from chassis.database import Database, DatabaseAway, Transaction
from chassis.in_hand import MOST_AT_ONCE, InHand, LeftBehind
from chassis.outbox import Message
from chassis.relay import Relay
from tests import mariadb
from tests.integration.chassis import counter
from tests.support import Workbench
from tests.waiting import wait_for


class Collector:
    """A broker that keeps what it is given, and may be away."""

    keeps_messages = True

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.away = False

    def publish(self, messages: Sequence[Message]) -> None:
        if self.away:
            raise BrokerAway("gone")
        self.taken += messages


@pytest.fixture
def bench(workbench: Callable[..., Workbench]) -> Iterator[Workbench]:
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.fresh_databases(["counter"]) as url:
        yield workbench(counter.service, database_url=url)


@pytest.fixture
def database(bench: Workbench) -> Database:
    return bench.runtime().database


@pytest.fixture
def broker() -> Collector:
    return Collector()


@pytest.fixture
def hand(database: Database, broker: Collector) -> InHand:
    hand = InHand(database, broker)  # type: ignore[arg-type]
    database.on_events = hand.take
    return hand


def _relay(database: Database, broker: Collector) -> Relay:
    return Relay("counter", database, broker)  # type: ignore[arg-type]


def _waiting(database: Database) -> int:
    return database.read(outbox.depth)[0]


def test_it_sends_what_was_committed_as_it_stands_in_the_outbox(
    database: Database, broker: Collector, hand: InHand
) -> None:
    database.run(counter.add_and_say, "a")
    (row,) = database.read(outbox.unsent, 10)
    (sent,) = hand.send()
    assert (sent.id, sent.type, sent.body) == (row.id, row.type, row.body)
    assert broker.taken == [sent]
    assert hand.send() == []


def test_what_is_rolled_back_is_not_sent(database: Database, hand: InHand) -> None:
    def regretted(tx: Transaction) -> None:
        counter.add_and_say(tx, "a")
        raise LookupError("thought better of it")

    def half_regretted(tx: Transaction) -> None:
        with pytest.raises(LookupError), tx.attempt():
            regretted(tx)
        counter.add_and_say(tx, "b")

    with pytest.raises(LookupError):
        database.run(regretted)
    database.run(half_regretted)
    assert len(hand.send()) == _waiting(database) == 1


def test_it_is_recorded_after_a_while_in_one_statement_for_all(
    database: Database, hand: InHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_hand, "MARK_SECONDS", 60)
    assert hand.seconds_left is None
    for name in "abc":
        database.run(counter.add_and_say, name)
        hand.send()
        hand.mark()
    assert _waiting(database) == 3
    assert 0 < (hand.seconds_left or 0) <= in_hand.MARK_SECONDS
    hand._mark_at = 0.0
    hand.mark()
    assert _waiting(database) == 0
    assert hand.seconds_left is None


@pytest.fixture
def looking(
    database: Database, broker: Collector, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Relay]:
    """A relay of another process, which has looked once already."""
    monkeypatch.setattr(in_hand, "OWN_SECONDS", 0.1)
    relay = _relay(database, broker)
    relay.start()
    wait_for(lambda: relay._left_behind._seen is not None, "its first look")
    yield relay
    relay.stop()


@pytest.mark.usefixtures("looking")
def test_what_the_broker_does_not_take_is_left_to_who_looks(
    database: Database, broker: Collector, hand: InHand
) -> None:
    broker.away = True
    database.run(counter.add_and_say, "a")
    with pytest.raises(BrokerAway):
        hand.send()
    assert hand.send() == []
    broker.away = False
    wait_for(lambda: broker.taken, "the event, found by looking")
    wait_for(lambda: _waiting(database) == 0, "the mark")


@pytest.mark.usefixtures("looking")
def test_who_dies_before_recording_has_it_sent_once_more(
    database: Database, broker: Collector, hand: InHand
) -> None:
    database.run(counter.add_and_say, "a")
    hand.send()
    wait_for(lambda: len(broker.taken) == 2, "the same event again")
    first, second = broker.taken
    assert (first.id, first.body) == (second.id, second.body)
    wait_for(lambda: _waiting(database) == 0, "the mark")


def test_who_looks_leaves_a_click_alone_that_was_not_there_when_he_looked_before(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_hand, "OWN_SECONDS", 60)
    left = LeftBehind()
    assert database.read(left.up_to) is None
    database.run(counter.add_and_say, "a")
    assert database.read(left.up_to) == 0
    monkeypatch.setattr(in_hand, "OWN_SECONDS", 0.0)
    left._move_at = 0.0
    assert database.read(left.up_to) == 0
    assert database.run(outbox.claim, 10, 0) == []
    (row,) = database.read(outbox.unsent, 10)
    assert database.read(left.up_to) == row.position
    assert database.run(outbox.claim, 10, row.position) == [row]


def test_a_database_that_is_away_is_told_the_next_time(
    database: Database, hand: InHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.run(counter.add_and_say, "a")
    hand.send()

    def away(*_: object) -> None:
        raise DatabaseAway("gone")

    with monkeypatch.context() as cut:
        cut.setattr(database, "run_idempotent", away)
        with pytest.raises(DatabaseAway):
            hand.mark(at_once=True)
    hand.mark(at_once=True)
    assert _waiting(database) == 0


def test_a_relay_sends_its_own_clicks_and_finds_large_work(
    database: Database, broker: Collector
) -> None:
    relay = _relay(database, broker)
    database.on_events = relay.wake
    relay.start()
    wait_for(lambda: relay._wake._cond._waiters, "its first look")  # type: ignore[attr-defined]

    def large(tx: Transaction) -> None:
        tx.emit(*[counter.closed(tx.now, f"t{n}") for n in range(30)], bulk=True)

    database.run(large)
    database.run(counter.add_and_say, "a")
    wait_for(lambda: len(broker.taken) == 31, "all of them")
    relay.stop()
    assert len({message.id for message in broker.taken}) == 31
    assert _waiting(database) == 0


def test_what_is_too_much_to_hold_is_left_to_who_looks(
    database: Database, broker: Collector, hand: InHand
) -> None:
    def many(tx: Transaction) -> None:
        tx.emit(*[counter.closed(tx.now, f"t{n}") for n in range(100)])

    for _ in range(MOST_AT_ONCE // 100 + 1):
        database.run(many)
    assert len(hand.send()) == MOST_AT_ONCE
    hand.mark(at_once=True)
    assert _waiting(database) == 100
    assert _relay(database, broker).send_waiting() == 100

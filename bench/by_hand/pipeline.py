"""The pipeline by hand: `python -m bench.by_hand.pipeline relay|ledger|days batches|naive`.

PyMySQL and pika, the tables and guarantees of Popug, and nothing else: no check of what an
event holds, no traces, no logs, no parking. What it cannot do without: rows are marked as
sent after the confirm, an event takes effect once, both sides of an entry, the balance and
"seen" are one commit, and it is acknowledged after that.

PyMySQL sends rows as one statement only where all values are marks (`%s`): hence `now`.
"""

import json
import os
import sys
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pika
import pymysql

RELAYED, APPLIED = {"batches": 1_000, "naive": 1}, {"batches": 500, "naive": 1}
# An incomplete batch waits so long for more, where batches are wanted.
GATHER_SECONDS = 0.005
LOOK_SECONDS = 0.02
PREFIX = "popug"

Cursor = Any
Work = Callable[[Cursor, Sequence[dict[str, Any]], Sequence[bytes]], None]


class Relay:
    """Outbox to exchange, a batch at a time, each under one window of confirms."""

    def __init__(self, database: Any, most: int) -> None:
        self._database = database
        self._most = most
        self._positions: list[int] = []
        self._unconfirmed: set[int] = set()
        self._tag = 0

    def begin(self, channel: Any) -> None:
        self._channel = channel
        channel.confirm_delivery(self._confirm)
        print('"ready"', flush=True)
        self._send()

    def _send(self) -> None:
        with self._database.cursor() as cursor:
            cursor.execute(
                "SELECT position, type, payload FROM outbox WHERE sent_at IS NULL"
                " ORDER BY position LIMIT %s FOR UPDATE SKIP LOCKED",
                [self._most],
            )
            rows = cursor.fetchall()
        if not rows:
            self._database.rollback()
            self._channel.connection.ioloop.call_later(LOOK_SECONDS, self._send)
            return
        self._positions = [row[0] for row in rows]
        properties = pika.BasicProperties(delivery_mode=2)
        for _, kind, body in rows:
            self._channel.basic_publish(f"{PREFIX}.events", kind, body, properties, mandatory=True)
            self._tag += 1
            self._unconfirmed.add(self._tag)

    def _confirm(self, frame: Any) -> None:
        tag = frame.method.delivery_tag
        assert isinstance(frame.method, pika.spec.Basic.Ack), frame
        if frame.method.multiple:
            self._unconfirmed = {t for t in self._unconfirmed if t > tag}
        else:
            self._unconfirmed.discard(tag)
        if not self._unconfirmed:
            self._mark()

    def _mark(self) -> None:
        with self._database.cursor() as cursor:
            cursor.execute(
                "UPDATE outbox SET sent_at = UTC_TIMESTAMP(6)"
                f" WHERE position IN ({marks(self._positions)})",
                self._positions,
            )
        self._database.commit()
        self._send()


class Consumer:
    """A queue's messages in batches, each one transaction and one acknowledgement."""

    def __init__(self, database: Any, most: int, queue: str, work: Work) -> None:
        self._database = database
        self._most = most
        self._queue = queue
        self._work = work
        self._bodies: list[bytes] = []
        self._tag = 0
        self._due: Any = None

    def begin(self, channel: Any) -> None:
        self._channel = channel
        channel.basic_qos(prefetch_count=2 * self._most)
        channel.basic_consume(self._queue, self._arrived)
        print('"ready"', flush=True)

    def _arrived(self, channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        self._bodies.append(body)
        self._tag = method.delivery_tag
        if len(self._bodies) >= self._most:
            self._apply()
        elif self._due is None:
            self._due = channel.connection.ioloop.call_later(GATHER_SECONDS, self._apply)

    def _apply(self) -> None:
        if self._due is not None:
            self._channel.connection.ioloop.remove_timeout(self._due)
            self._due = None
        bodies, self._bodies = self._bodies, []
        events = [json.loads(body) for body in bodies]
        with self._database.cursor() as cursor:
            ids = [event["id"] for event in events]
            cursor.execute(f"SELECT event_id FROM inbox WHERE event_id IN ({marks(ids)})", ids)
            seen = {row[0] for row in cursor.fetchall()}
            fresh = [event for event in events if event["id"] not in seen]
            if fresh:
                self._work(cursor, fresh, bodies)
        self._database.commit()
        self._channel.basic_ack(self._tag, multiple=True)


def charge(cursor: Cursor, events: Sequence[dict[str, Any]], bodies: Sequence[bytes]) -> None:
    """What accounts does with assignments."""
    remember(cursor, events, bodies)
    cursor.execute("SELECT closing_through FROM ledger_state LOCK IN SHARE MODE")
    users = sorted({event["data"]["assignee_id"] for event in events})
    cursor.execute(
        f"SELECT user_id, balance FROM accounts WHERE user_id IN ({marks(users)})"
        " ORDER BY user_id FOR UPDATE",
        users,
    )
    balances = dict(cursor.fetchall())
    sources = [event["data"]["assignment_id"] for event in events]
    cursor.execute(
        "SELECT source_id FROM entries WHERE kind = 'fee' AND side = 'popug'"
        f" AND source_id IN ({marks(sources)})",
        sources,
    )
    assert not cursor.fetchall()
    rows = []
    now = datetime.now(UTC).replace(tzinfo=None)
    for event in events:
        data = event["data"]
        user, at = data["assignee_id"], datetime.fromisoformat(data["assigned_at"])
        balances[user] -= data["fee"]
        same = [uuid.uuid4().hex, "fee", data["assignment_id"], user, data["task_id"],
                at.replace(tzinfo=None), at.date(), "", now]  # fmt: skip
        rows.append([*same, "popug", -data["fee"], balances[user]])
        rows.append([*same, "company", data["fee"], None])
    cursor.executemany(
        "INSERT INTO entries (transaction_id, kind, source_id, user_id, task_id, occurred_at, day,"
        " note, posted_at, side, sum, balance)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        rows,
    )
    cursor.executemany(
        "INSERT INTO accounts (user_id, balance, updated_at) VALUES (%s, %s, %s)"
        " ON DUPLICATE KEY UPDATE balance = VALUES(balance), updated_at = VALUES(updated_at)",
        [[user, balances[user], now] for user in users],
    )


def count(cursor: Cursor, events: Sequence[dict[str, Any]], bodies: Sequence[bytes]) -> None:
    """What analytics does with assignments."""
    remember(cursor, events, bodies)
    cursor.execute("SELECT name FROM gate LOCK IN SHARE MODE")
    sources = [event["data"]["assignment_id"] for event in events]
    cursor.execute(
        f"SELECT source_id FROM counted WHERE kind = 'fee' AND source_id IN ({marks(sources)})",
        sources,
    )
    assert not cursor.fetchall()
    cursor.executemany(
        "INSERT INTO counted (kind, source_id) VALUES (%s, %s)", [["fee", each] for each in sources]
    )
    fees: dict[Any, int] = defaultdict(int)
    sums: dict[tuple[str, Any], int] = defaultdict(int)
    for event in events:
        data = event["data"]
        day = datetime.fromisoformat(data["assigned_at"]).date()
        fees[day] += data["fee"]
        sums[data["assignee_id"], day] -= data["fee"]
    cursor.executemany(
        "INSERT INTO days (date, fees, rewards) VALUES (%s, %s, %s)"
        " ON DUPLICATE KEY UPDATE fees = fees + VALUES(fees)",
        [[day, total, 0] for day, total in sorted(fees.items())],
    )
    cursor.executemany(
        "INSERT INTO user_days (user_id, date, sum) VALUES (%s, %s, %s)"
        " ON DUPLICATE KEY UPDATE sum = sum + VALUES(sum)",
        [[user, day, total] for (user, day), total in sorted(sums.items())],
    )


def remember(cursor: Cursor, events: Sequence[dict[str, Any]], bodies: Sequence[bytes]) -> None:
    """Note in the inbox that these are applied."""
    now = datetime.now(UTC).replace(tzinfo=None)
    cursor.executemany(
        "INSERT INTO inbox (event_id, type, payload, applied_at, subject)"
        " VALUES (%s, %s, %s, %s, %s)",
        [
            [e["id"], e["type"], body, now, e["subject"]]
            for e, body in zip(events, bodies, strict=True)
        ],
    )


def marks(values: Sequence[Any]) -> str:
    """A mark for each of the values, for what stands in brackets."""
    return ",".join(["%s"] * len(values))


def database(service: str) -> Any:
    """A connection to a service's database, as POPUG_DATABASE_URL has it."""
    url = os.environ["POPUG_DATABASE_URL"].format(service=service)
    who, _, place = url.removeprefix("mysql+pymysql://").rpartition("@")
    user, _, password = who.partition(":")
    server, _, schema = place.partition("/")
    host, _, port = server.partition(":")
    opened = pymysql.connect(
        host=host, port=int(port or 3306), user=user, password=password, database=schema
    )
    with opened.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    return opened


def main(part: str, mode: str) -> None:
    """Work until SIGTERM."""
    parts: dict[str, Callable[[], Any]] = {
        "relay": lambda: Relay(database("tasks"), RELAYED[mode]),
        "ledger": lambda: Consumer(
            database("accounts"), APPLIED[mode], f"{PREFIX}.accounts.v1", charge
        ),
        "days": lambda: Consumer(
            database("analytics"), APPLIED[mode], f"{PREFIX}.analytics.v1", count
        ),
    }
    work_with(parts[part]())


def work_with(worker: Relay | Consumer) -> None:
    """Let it work until SIGTERM."""
    # A relay that the bench has paused is not to be given up for its missing heartbeats.
    parameters = pika.URLParameters(os.environ["POPUG_BROKER_URL"] + "?heartbeat=0")
    connection = pika.SelectConnection(
        parameters, on_open_callback=lambda c: c.channel(on_open_callback=worker.begin)
    )
    connection.ioloop.start()


if __name__ == "__main__":
    main(*sys.argv[1:])

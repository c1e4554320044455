"""Closing a day by hand: `python -m bench.by_hand.payday 2026-03-10 chunks|naive`.

PyMySQL, the tables and guarantees of Popug, and nothing else: no check of what an event
holds, no look at what is in the ledger already (the unique keys refuse it). What it cannot do
without: the watermark, the day and the accounts are held; both sides of an entry, the balance,
the event and how far it got are one commit, and whoever starts it again goes on from there.

`naive` settles one account in each transaction.

PyMySQL sends rows as one statement only where all values are marks (`%s`).
"""

import json
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

import uuid_utils

from bench.by_hand.pipeline import database, marks
from bench.closer import measured

CHUNKS = {"chunks": 1_000, "naive": 1}
TYPE = "popug.accounts.payout_requested.v1"
ENTRIES = (
    "INSERT INTO entries (transaction_id, kind, source_id, user_id, task_id, occurred_at, day,"
    " sum, balance, reversed_kind, reverses, note, made_by, side, posted_at) VALUES"
    " (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
BALANCES = (
    "INSERT INTO accounts (user_id, balance, updated_at) VALUES (%s, %s, %s)"
    " ON DUPLICATE KEY UPDATE balance = VALUES(balance), updated_at = VALUES(updated_at)"
)
OUTBOX = (
    "INSERT INTO outbox (event_id, type, payload, created_at, subject) VALUES (%s, %s, %s, %s, %s)"
)

Cursor = Any
# A popug, and what his account holds in cents.
Account = tuple[str, int]
Row = tuple[Any, ...]


def begin(cursor: Cursor, day: str) -> None:
    """Fix the day: nothing but payouts is booked on it from now on."""
    cursor.execute("SELECT closing_through FROM ledger_state FOR UPDATE")
    cursor.execute("SELECT MAX(position) FROM entries")
    (position,) = cursor.fetchone()
    cursor.execute(
        "INSERT INTO business_days (date, status, last_user_id, payouts, amount, last_position,"
        " started_at, closed_by) VALUES (%s, 'closing', '', 0, 0, %s, %s, 'hand')",
        [day, position, _now()],
    )
    cursor.execute("UPDATE ledger_state SET closing_through = %s", [day])


def chunk(cursor: Cursor, day: str, most: int) -> bool:
    """Settle the next accounts; says whether there may be more."""
    cursor.execute("SELECT closing_through FROM ledger_state LOCK IN SHARE MODE")
    cursor.execute(
        "SELECT last_user_id FROM business_days WHERE date = %s AND status = 'closing' FOR UPDATE",
        [day],
    )
    (last,) = cursor.fetchone()
    cursor.execute(
        "SELECT user_id, balance FROM accounts WHERE user_id > %s ORDER BY user_id LIMIT %s"
        " FOR UPDATE",
        [last, most],
    )
    found: list[Account] = list(cursor.fetchall())
    if not found:
        cursor.execute("UPDATE business_days SET status = 'closed' WHERE date = %s", [day])
        return False
    users = [user for user, _ in found]
    cursor.execute(
        "SELECT user_id, SUM(sum) FROM entries WHERE side = 'popug' AND day > %s"
        f" AND user_id IN ({marks(users)}) GROUP BY user_id",
        [day, *users],
    )
    later = {user: int(total) for user, total in cursor.fetchall()}
    due = [(user, held - later.get(user, 0)) for user, held in found]
    due = [(user, amount) for user, amount in due if amount > 0]
    _pay(cursor, day, due, dict(found))
    cursor.execute(
        "UPDATE business_days SET payouts = payouts + %s, amount = amount + %s, last_user_id = %s"
        " WHERE date = %s",
        [len(due), sum(amount for _, amount in due), users[-1], day],
    )
    return True


def _pay(cursor: Cursor, day: str, due: list[Account], held: dict[str, int]) -> None:
    now = _now()
    entries: list[Row] = []
    balances: list[Row] = []
    events: list[Row] = []
    for user, amount in due:
        payout, left = str(uuid_utils.uuid7()), held[user] - amount
        head = (payout, "payout", f"{user}:{day}", user, None, now, day)
        entries.append((*head, -amount, left, None, None, "", None, "popug", now))
        entries.append((*head, amount, None, None, None, "", None, "company", now))
        balances.append((user, left, now))
        event = str(uuid_utils.uuid7())
        data = {"payout_id": payout, "user_id": user, "date": day, "amount": amount}
        events.append((event, TYPE, _body(event, now, data), now, payout))
    if due:
        cursor.executemany(ENTRIES, entries)
        cursor.executemany(BALANCES, balances)
        cursor.executemany(OUTBOX, events)


def _body(event: str, now: datetime, data: dict[str, Any]) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": event,
            "source": "/popug/accounts",
            "type": TYPE,
            "subject": data["payout_id"],
            "time": f"{now.isoformat()}Z",
            "datacontenttype": "application/json",
            "traceparent": f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01",
            "data": data | {"currency": "USD"},
        },
        separators=(",", ":"),
    ).encode()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def main(day: str, mode: str) -> None:
    """Close the day in the mode, and say what it took."""
    opened = database("accounts")

    def close() -> None:
        with opened.cursor() as cursor:
            begin(cursor, day)
            opened.commit()
            more = True
            while more:
                more = chunk(cursor, day, CHUNKS[mode])
                opened.commit()

    print(measured(close))
    opened.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

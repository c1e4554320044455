"""Payouts and mails by hand: `python -m bench.by_hand.mails relay|payouts|mails`.

What workers of accounts, billing and mailer do with the events of a closed day, with the
means and the guarantees of `bench.by_hand.pipeline`.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import uuid_utils

from bench.by_hand.pipeline import (
    APPLIED,
    PREFIX,
    RELAYED,
    Consumer,
    Cursor,
    Relay,
    database,
    marks,
    remember,
    work_with,
)

PAYOUTS = (
    "INSERT INTO payouts (id, user_id, date, amount, currency, status, gateway, idempotency_key,"
    " attempts, created_at, updated_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
MOVES = (
    "INSERT INTO payout_transitions (payout_id, to_status, at, `by`, why)"
    " VALUES (%s, %s, %s, %s, %s)"
)
MAILS = (
    "INSERT INTO mails (id, payout_id, kind, user_id, date, amount, currency, status, attempts,"
    " message_id, created_at, next_attempt_at, number)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


def pay(cursor: Cursor, events: Sequence[dict[str, Any]], bodies: Sequence[bytes]) -> None:
    """What billing does with payouts that are requested of popugs without a card."""
    remember(cursor, events, bodies)
    all_data = [event["data"] for event in events]
    users = [data["user_id"] for data in all_data]
    cursor.execute(f"SELECT user_id FROM cards WHERE user_id IN ({marks(users)})", users)
    assert not cursor.fetchall()
    cursor.execute(
        f"SELECT id FROM payouts WHERE user_id IN ({marks(users)}) AND date = %s",
        [*users, all_data[0]["date"]],
    )
    assert not cursor.fetchall()
    now, status = _now(), "waiting_for_card"
    cursor.executemany(
        PAYOUTS,
        [
            (d["payout_id"], d["user_id"], d["date"], d["amount"], d["currency"], status, "sandbox",
             str(uuid_utils.uuid7()), 0, now, now)
            for d in all_data
        ],
    )  # fmt: skip
    cursor.executemany(
        MOVES, [(data["payout_id"], status, now, "billing", "by hand") for data in all_data]
    )


def write(cursor: Cursor, events: Sequence[dict[str, Any]], bodies: Sequence[bytes]) -> None:
    """What mailer does with payouts that are requested."""
    remember(cursor, events, bodies)
    all_data = [event["data"] for event in events]
    payouts = [data["payout_id"] for data in all_data]
    cursor.execute(
        f"SELECT payout_id FROM mails WHERE kind = 'payout' AND payout_id IN ({marks(payouts)})",
        payouts,
    )
    assert not cursor.fetchall()
    now = _now()
    cursor.executemany(
        MAILS,
        [
            (str(uuid_utils.uuid7()), d["payout_id"], "payout", d["user_id"], d["date"],
             d["amount"], d["currency"], "queued", 0, f"<{d['payout_id']}@localhost>", now, now, 1)
            for d in all_data
        ],
    )  # fmt: skip


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def main(part: str) -> None:
    """Work until SIGTERM."""
    most = APPLIED["batches"]
    parts: dict[str, Callable[[], Relay | Consumer]] = {
        "relay": lambda: Relay(database("accounts"), RELAYED["batches"]),
        "payouts": lambda: Consumer(database("billing"), most, f"{PREFIX}.billing.v1", pay),
        "mails": lambda: Consumer(database("mailer"), most, f"{PREFIX}.mailer.v1", write),
    }
    work_with(parts[part]())


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Messages that no event is: each with what must be said of it when it is parked."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from chassis.events import MAX_BYTES
from chassis.ids import new_id

HEARD_BY_ALL = "popug.auth.access_changed.v1"
HUGE_SHARE, DUPLICATE_SHARE = 0.01, 0.05
NESTED = 5_000


@dataclass(frozen=True)
class Malformed:
    """The bytes, and a pattern that the reason matches."""

    body: bytes
    reason: str


def _event(**changes: Any) -> dict[str, Any]:
    """A right event that every service hears, with some of it changed."""
    data = {"user_id": new_id(), "role": "worker", "active": True, "epoch": 1}
    return {
        "specversion": "1.0",
        "id": new_id(),
        "source": "/popug/auth",
        "type": HEARD_BY_ALL,
        "time": "2026-03-10T12:00:00Z",
        "data": data,
    } | changes


def _with_data(**changes: Any) -> bytes:
    event = _event()
    return json.dumps(event | {"data": event["data"] | changes}).encode()


def _without(field: str) -> bytes:
    event = _event()
    del event["data"][field]
    return json.dumps(event).encode()


def _of(**changes: Any) -> bytes:
    return json.dumps(_event(**changes)).encode()


def _random_bytes(chance: Random) -> Malformed:
    return Malformed(chance.randbytes(chance.randint(8, 200)), "not JSON|no `type`")


def _cut_off(chance: Random) -> Malformed:
    whole = _of()
    return Malformed(whole[: chance.randint(1, len(whole) - 1)], "not JSON")


def _no_object(chance: Random) -> Malformed:
    thing = chance.choice([[1, 2], chance.random(), f"text {chance.random()}", {"type": 5}])
    return Malformed(json.dumps(thing).encode(), "no `type`")


def _nested(chance: Random) -> Malformed:
    return Malformed(b"[" * chance.randint(NESTED, 2 * NESTED), "not JSON")


def _not_utf8(chance: Random) -> Malformed:
    body = _of(source="/popug/x").replace(b"/popug/x", b"\xff\xfe" + chance.randbytes(2))
    return Malformed(body, "not JSON")


def _missing(chance: Random) -> Malformed:
    field = chance.choice(["user_id", "role", "active", "epoch"])
    return Malformed(_without(field), f"data.{field}: Field required")


def _wrong_data(chance: Random) -> Malformed:
    field, value = chance.choice(
        [
            ("epoch", "7"),
            ("epoch", -1),
            ("epoch", 2**40),
            ("epoch", 10**40),
            ("epoch", 1.5),
            ("active", "yes"),
            ("active", None),
            ("role", "king"),
            ("role", ["worker"]),
            ("user_id", ""),
            ("user_id", "two words"),
            ("user_id", "x" * 500),
            ("user_id", 5),
            ("ended_sessions", "all"),
            ("ended_sessions", [None]),
        ]
    )
    return Malformed(_with_data(**{field: value}), f"data.{field}")


def _wrong_envelope(chance: Random) -> Malformed:
    options: list[tuple[str, Any]] = [
        ("id", None),
        ("id", "a b"),
        ("id", 5),
        ("id", "x" * 1_000),
        ("time", "yesterday"),
        ("time", "2026-03-10T12:00:00"),
        ("time", 1e400),
        ("specversion", "0.3"),
        ("data", []),
        ("data", None),
        ("source", ""),
        ("datacontenttype", "text/plain"),
    ]
    field, value = chance.choice(options)
    body = _of(**{field: value})
    # What Python calls Infinity is no JSON.
    return Malformed(body, "not JSON|time" if value == 1e400 else f"{field}: ")


def _unknown(chance: Random) -> Malformed:
    kind = chance.choice(["popug.auth.crowned.v1", "x", "DROP TABLE", "café.v1", "popug" * 200])
    return Malformed(_of(type=kind), "unknown type|not known")


def _another_version(chance: Random) -> Malformed:
    version = chance.randint(2, 10**30)
    return Malformed(_of(type=f"popug.auth.access_changed.v{version}"), "is not known here")


def huge(chance: Random) -> Malformed:
    """Larger than any event may be."""
    padding = "x" * chance.randint(MAX_BYTES, 2 * MAX_BYTES)
    return Malformed(_of(padding=padding), "an event has at most")


def impossible(chance: Random) -> Malformed:
    """Well said, but of a payout that never was; for accounts."""
    data = {
        "payout_id": new_id(),
        "user_id": new_id(),
        "date": "2026-03-10",
        "amount": chance.randint(0, 10**12),
        "reason": "never",
    }
    body = _of(type="popug.billing.payout_cancelled.v1", source="/popug/billing", data=data)
    return Malformed(body, "UnknownPayout")


KINDS: tuple[Callable[[Random], Malformed], ...] = (
    _random_bytes,
    _cut_off,
    _no_object,
    _nested,
    _not_utf8,
    _missing,
    _wrong_data,
    _wrong_envelope,
    _unknown,
    _another_version,
)


def some(chance: Random, how_many: int, service: str) -> list[Malformed]:
    """Messages for one service's queue; a few are exact copies of others."""
    kinds = (*KINDS, impossible) if service == "accounts" else KINDS
    made: list[Malformed] = []
    for _ in range(how_many):
        draw = chance.random()
        if made and draw < DUPLICATE_SHARE:
            made.append(chance.choice(made))
        elif draw < DUPLICATE_SHARE + HUGE_SHARE:
            made.append(huge(chance))
        else:
            made.append(chance.choice(kinds)(chance))
    return made

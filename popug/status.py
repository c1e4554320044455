"""How the system is, service by service."""

from typing import Any

from chassis import outbox, parking
from chassis.database import DatabaseAway
from chassis.keys import KeyMissing
from popug.opening import OpenRuntime
from popug.system import system


def look(open_runtime: OpenRuntime) -> list[dict[str, Any]]:
    """A row per service: `service, ok, error, waiting, oldest, parked`."""
    return [_look_at(open_runtime, name) for name in system.names]


def _look_at(open_runtime: OpenRuntime, name: str) -> dict[str, Any]:
    try:
        with open_runtime(name) as runtime, runtime.database.reading() as reading:
            waiting, oldest = outbox.depth(reading)
            return {
                "service": name,
                "ok": True,
                "error": None,
                "waiting": waiting,
                "oldest": oldest.isoformat() if oldest else None,
                "parked": parking.count(reading),
            }
    except (DatabaseAway, KeyMissing) as away:
        return {
            "service": name,
            "ok": False,
            "error": str(away),
            "waiting": None,
            "oldest": None,
            "parked": None,
        }

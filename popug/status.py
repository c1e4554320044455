"""How the system is, service by service, for the command line."""

from typing import Any

from chassis.runtime import OpenRuntime
from chassis.status import own_status
from popug.sentences import sentence_for
from popug.system import system


def look(open_runtime: OpenRuntime) -> list[dict[str, Any]]:
    """A row per service: `ok`, `error`, and the figures of `chassis.status.own_status`."""
    return [_look_at(open_runtime, name) for name in system.names]


def _look_at(open_runtime: OpenRuntime, name: str) -> dict[str, Any]:
    try:
        with open_runtime(name) as runtime:
            return {"ok": True, "error": None, **own_status(runtime)}
    except Exception as away:
        sentence = sentence_for(away)
        if sentence is None:
            raise
        nothing = dict.fromkeys(("version", "waiting", "oldest", "parked"))
        return {"ok": False, "error": sentence, "service": name, **nothing}

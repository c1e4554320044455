"""Work in forked processes that begin where this one stands, and may be killed in the middle.

A child shares nothing with its parent but what was there at the fork, so a fork of a
process that has done nothing yet is as good as a fresh start, and a hundred times quicker.
"""

import os
import pickle
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PATIENCE_SECONDS = 60
HEAD = 4

Say = Callable[[Any], None]


@dataclass
class Ended:
    """How a child ended, and what it had said until then; `error` is what it raised."""

    killed: bool
    said: list[Any] = field(default_factory=list)
    error: str | None = None


def in_child(work: Callable[[Say], None], seconds: float = PATIENCE_SECONDS) -> Ended:
    """Do `work(say)` in a child and wait for it. What it says is kept even if it is killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_the_child(work, writer)
    os.close(writer)
    try:
        heard, in_time = _read_all(reader, seconds)
    finally:
        os.close(reader)
    if not in_time:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    ended = Ended(killed=os.WIFSIGNALED(status) and in_time)
    if not in_time:
        ended.error = f"still at work after {seconds} s"
    for kind, what in _messages(heard):
        if kind == "error":
            ended.error = what
        else:
            ended.said.append(what)
    if not os.WIFSIGNALED(status) and os.WEXITSTATUS(status) and ended.error is None:
        ended.error = f"exit code {os.WEXITSTATUS(status)}"
    return ended


def _be_the_child(work: Callable[[Say], None], writer: int) -> None:
    """Never returns: what the parent meant to do at its own end is not the child's to do."""

    def tell(kind: str, what: Any) -> None:
        body = pickle.dumps((kind, what))
        # One write: a message is said whole or not at all.
        os.write(writer, len(body).to_bytes(HEAD, "big") + body)

    code = 0
    try:
        work(lambda what: tell("said", what))
    except BaseException:  # noqa: BLE001 - it must not go on as its parent's double
        tell("error", traceback.format_exc())
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _read_all(reader: int, seconds: float) -> tuple[bytes, bool]:
    """Everything until the child has ended, and whether that was in time."""
    deadline = time.monotonic() + seconds
    heard = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return heard, False
        chunk = os.read(reader, 1 << 16)
        if not chunk:
            return heard, True
        heard += chunk


def _messages(heard: bytes) -> list[tuple[str, Any]]:
    found = []
    while len(heard) >= HEAD:
        size = int.from_bytes(heard[:HEAD], "big")
        found.append(pickle.loads(heard[HEAD : HEAD + size]))
        heard = heard[HEAD + size :]
    return found

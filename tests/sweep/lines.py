"""The lines that a process executes: counted, or the process killed before one of them.

A *point* is a line together with the way that leads to it (the functions of the swept
modules that are on the stack) and the number of the visit: the same line of a transaction
is one point for the web's write, another for the relay, another for the consumer.
"""

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
# What they call happens once in the life of a process: it makes a value, and would be a point
# that the next process does not come by.
BUILD_ONCE = frozenset({"chassis.prepared", "chassis.upserts"})

# From the outermost function to the one that the line is in, each as "module:function".
Way = tuple[str, ...]
Tracer = Callable[[FrameType, str, Any], Any]


@dataclass(frozen=True, order=True)
class Place:
    """A line and the way that leads to it."""

    way: Way
    line: int

    @property
    def file_and_line(self) -> str:
        """The line alone, `chassis.relay:59`, whichever way leads to it."""
        return f"{self.way[-1].partition(':')[0]}:{self.line}"


@dataclass(frozen=True, order=True)
class Point:
    """The `visit`-th time (from 1) that a place is about to be executed."""

    place: Place
    visit: int

    def __str__(self) -> str:
        names = [step.partition(":")[2].rpartition(".")[2] for step in self.place.way]
        return f"{self.place.file_and_line} (visit {self.visit}, by {' > '.join(names[-6:])})"


class Lines:
    """Watches the lines of modules, by name, in all threads that begin after `watch`."""

    def __init__(self, is_swept: Callable[[str], bool], kill_at: Point | None = None) -> None:
        self.visits: Counter[Place] = Counter()
        self.modules: set[str] = set()
        self._is_swept = is_swept
        self._place = kill_at.place if kill_at else None
        self._visit = kill_at.visit if kill_at else 0
        self._steps: dict[CodeType, str | None] = {}
        self._tracers: dict[Way, Tracer] = {}
        self._lock = threading.Lock()

    def watch(self) -> None:
        """Begin, on this thread and on those that it starts."""
        threading.settrace(self._called)
        sys.settrace(self._called)

    def stop(self) -> None:
        """Watch no new call any more."""
        sys.settrace(None)
        threading.settrace(None)

    def _called(self, frame: FrameType, _event: str, _argument: Any) -> Tracer | None:
        if self._step(frame.f_code) is None or _is_built_once(frame):
            return None
        way = self._way(frame)
        with self._lock:
            tracer = self._tracers.get(way)
            if tracer is None:
                tracer = self._tracers[way] = self._tracer(way)
        return tracer

    def _tracer(self, way: Way) -> Tracer:
        def trace(frame: FrameType, event: str, _argument: Any) -> Tracer:
            if event == "line":
                place = Place(way, frame.f_lineno)
                with self._lock:
                    self.visits[place] += 1
                    if place == self._place and self.visits[place] == self._visit:
                        # As `kill -9` would: no flush, no finally, no rollback, no goodbye.
                        os.kill(os.getpid(), signal.SIGKILL)
            return trace

        return trace

    def _way(self, frame: FrameType) -> Way:
        way: list[str] = []
        caller: FrameType | None = frame
        while caller is not None:
            step = self._step(caller.f_code)
            if step is not None:
                way.append(step)
            caller = caller.f_back
        return tuple(reversed(way))

    def _step(self, code: CodeType) -> str | None:
        """How a function stands in a way; None if its module is not swept."""
        try:
            return self._steps[code]
        except KeyError:
            module = module_of(code.co_filename)
            if module:
                self.modules.add(module)
            swept = module is not None and self._is_swept(module)
            step = self._steps[code] = f"{module}:{_qualified(code)}" if swept else None
            return step


def _is_built_once(frame: FrameType) -> bool:
    caller = frame.f_back
    while caller is not None:
        if module_of(caller.f_code.co_filename) in BUILD_ONCE:
            return True
        caller = caller.f_back
    return False


@cache
def module_of(filename: str) -> str | None:
    """The module of this repository's that a file is; None for tests and for everybody else's."""
    if not filename.startswith(f"{ROOT}{os.sep}"):
        return None
    parts = Path(filename).relative_to(ROOT).with_suffix("").parts
    if parts[0] in ("tests", ".venv"):
        return None
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _qualified(code: CodeType) -> str:
    return code.co_qualname if hasattr(code, "co_qualname") else code.co_name

"""Every place in the code that executes a statement has been through the tests' ears.

`tests.dialects` looks at what tests execute; a place that no test comes by would go unseen.
The places are counted from the source, and a whole run of the suite fails for each that
nothing has executed in the tests' own processes.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support import NAMES

ROOT = Path(__file__).parents[1]
PACKAGES = frozenset({"chassis", "contracts", "popug", "bank", *NAMES})
# All statements pass here, whoever says them.
FUNNEL = frozenset(ROOT / "chassis" / name for name in ("database.py", "engines.py", "rows.py"))
SAYS = frozenset({"execute", "insert", "upsert"})
TO_WHOM = frozenset({"tx", "reading", "connection"})

LINES = "lines that executed statements"
ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)

Place = tuple[str, int, int]


@cache
def places() -> frozenset[Place]:
    """(file, first line, last line) of each call that executes a statement."""
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return frozenset(
        (path.relative_to(ROOT).as_posix(), call.lineno, call.end_lineno or call.lineno)
        for path in files
        if path not in FUNNEL
        for call in _calls(ast.parse(path.read_text()))
    )


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in SAYS
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in TO_WHOM
            and not _is_text(node)
        ):
            yield node


def _is_text(call: ast.Call) -> bool:
    """Whether it says a text of its own to one engine's driver: nothing is compiled of that."""
    return bool(call.args) and isinstance(call.args[0], ast.Constant | ast.JoinedStr)


class Heard:
    """The lines of our code that have executed something in this process."""

    def __init__(self) -> None:
        self.lines: set[tuple[str, int]] = set()

    def __call__(self, *_event: Any) -> None:
        """Call it while a statement goes to the driver, compiled or as text: finds who says it."""
        frame = sys._getframe(1)
        while frame.f_back is not None:
            frame = frame.f_back
            name = _ours(frame.f_code.co_filename)
            if name:
                self.lines.add((name, frame.f_lineno))
                return


@cache
def _ours(filename: str) -> str | None:
    """The file's name from the root if it is one of ours that says statements."""
    path = Path(filename)
    if path in FUNNEL or not path.is_relative_to(ROOT):
        return None
    name = path.relative_to(ROOT)
    return name.as_posix() if name.parts[0] in PACKAGES else None


def never_heard(lines: Iterable[tuple[str, int]]) -> list[str]:
    """The places, as file:line, that none of these lines is in."""
    heard = set(lines)
    return sorted(
        f"{name}:{first}"
        for name, first, last in places()
        if not any((name, line) in heard for line in range(first, last + 1))
    )


class WholeRun:
    """A plugin of pytest: gathers what all its processes heard, and fails a whole strict run."""

    def __init__(self, config: pytest.Config, heard: Heard) -> None:
        self._config = config
        self._heard = heard
        self._missing: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A process of pytest-xdist has ended."""
        self._heard.lines |= set(map(tuple, getattr(node, "workeroutput", {}).get(LINES, ())))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[LINES] = sorted(self._heard.lines)
        elif self._is_whole() and session.exitstatus in ENDED:
            # Beside a failure too, which may be why some are missing.
            self._missing = never_heard(self._heard.lines)
            if self._missing:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for place in self._missing:
            terminalreporter.write_line(f"{place}: no test executes this statement", red=True)

    def _is_whole(self) -> bool:
        option = self._config.option
        chosen = option.keyword or option.markexpr or getattr(option, "lf", False)
        from_all = self._config.args_source is pytest.Config.ArgsSource.TESTPATHS
        return from_all and not chosen and bool(option.no_skips)

"""The keeper of processes tells when one does not end as it should."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import process
from tests.system import supervisor
from tests.system.supervisor import Supervisor
from tests.waiting import wait_for

ENDS_WELL = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))"
ENDS_WITH_AN_ERROR = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))"
HEARS_NOTHING = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
NOT_READY = "pass"

PROGRAM = """
import pathlib, signal, sys, time
{answer}
pathlib.Path({ready!r}).touch()
# A signal that arrives on the way into a sleep is heard when it ends.
for _ in range(6_000):
    time.sleep(0.1)
"""

Start = Callable[..., Supervisor]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts processes that answer SIGTERM in these ways."""
    made = Supervisor({}, tmp_path / "log")

    def begin(**answers: str) -> Supervisor:
        for name, answer in answers.items():
            ready = tmp_path / name
            program = PROGRAM.format(answer=answer, ready=str(ready))
            made.add(name, [sys.executable, "-c", program])
        wait_for(lambda: all((tmp_path / name).exists() for name in answers), "their start")
        return made

    yield begin
    for kept in made._kept.values():
        kept.process.kill()


def test_who_ends_when_asked_to_ends_well(start: Start) -> None:
    start(one=ENDS_WELL, other=ENDS_WELL).stop()


def test_who_hangs_and_who_ends_with_an_error_is_named(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = start(good=ENDS_WELL, bad=ENDS_WITH_AN_ERROR, deaf=HEARS_NOTHING)
    monkeypatch.setattr(process, "STOP_SECONDS", 10)
    with pytest.raises(AssertionError, match=r"'bad': 3, 'deaf': -9") as told:
        processes.stop()
    assert "good" not in str(told.value)
    assert processes.gone() == ["good", "bad", "deaf"], "none is left behind"


def test_who_was_killed_on_purpose_is_no_fault(start: Start) -> None:
    processes = start(one=ENDS_WELL, other=HEARS_NOTHING)
    processes.kill("other")
    processes.stop()


def test_who_stands_still_is_let_go_on_to_end(start: Start) -> None:
    processes = start(one=ENDS_WELL)
    processes.pause("one")
    processes.stop()


def test_only_who_has_just_started_need_not_hear(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(young=NOT_READY).stop()
    monkeypatch.setattr(supervisor, "STARTING_SECONDS", 0.0)
    with pytest.raises(AssertionError, match="'old': -15"):
        start(old=NOT_READY).stop()

"""Who has just worked waits a moment for more, and nobody else waits."""

from typing import Any

import pytest

from chassis import gathering
from chassis.gathering import GATHER_SECONDS, PAUSE_SECONDS, Gathering


class _Time:
    """A clock that moves by hand, and by waiting."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.waited: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Time:
    made = _Time()
    monkeypatch.setattr(gathering, "time", made)
    return made


def test_after_a_pause_nobody_waits_and_right_after_work_one_waits(clock: _Time) -> None:
    stopped: Any = clock
    one = Gathering(stopped)
    one.wait_for_more()
    assert clock.waited == []  # there was no work yet
    one.worked()
    clock.now += PAUSE_SECONDS * 0.9
    one.wait_for_more()
    assert clock.waited == [GATHER_SECONDS]
    clock.now += PAUSE_SECONDS * 0.2
    one.wait_for_more()
    assert clock.waited == [GATHER_SECONDS]

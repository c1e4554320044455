"""Log lines as they are written: whole, in one piece."""

import io
import json
import sys

import pytest

from chassis import logs


class _Stream(io.StringIO):
    """Remembers each write by itself, as a file that several processes append to would."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str, /) -> int:
        self.writes.append(text)
        return super().write(text)


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_and_its_end_are_one_write(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = _Stream()
    monkeypatch.setattr(sys, "stderr", stream)
    try:
        logs.configure("INFO", form)
        logs.log(service="tasks").info("a click", task="t1")
    finally:
        monkeypatch.undo()
        logs.configure("WARNING", "text")
    (line,) = stream.writes
    assert line.endswith("\n")
    if form == "json":
        assert json.loads(line)["event"] == "a click"

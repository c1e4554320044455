"""The sweep on files in its short form, and that it finds the faults that are planted for it."""

from pathlib import Path

import pytest

from tests.sweep.lines import ROOT
from tests.sweep.modules import NOT_SWEPT, SWEPT
from tests.sweep.running import points, swept

ON_FILES = (
    *("chassis.broker", "chassis.database", "chassis.inbox", "chassis.outbox", "chassis.relay"),
    *("accounts.", "tasks.commands", "tasks.keys"),
)


def test_a_kill_at_any_line_of_the_path_loses_and_doubles_nothing() -> None:
    code, said = swept("embedded", steps=("create", "relay of tasks"), modules=ON_FILES)
    assert code == 0, said
    tried, lines = points(said)
    assert tried == lines > 250, said


def test_a_kill_at_any_line_of_closing_pays_each_popug_once_for_each_day() -> None:
    steps = ("close the day", "night")
    code, said = swept("embedded", steps=steps, modules=("accounts.closing", "accounts.jobs"))
    assert code == 0, said
    tried, lines = points(said)
    assert tried == lines > 50, said


@pytest.mark.parametrize(
    ("fault", "step", "module", "symptom"),
    [
        ("change-before-event", "create", "chassis.outbox", "every assignment is charged"),
        ("forget-before-publish", "relay of tasks", "chassis.broker", "every closed task is paid"),
        ("seen-before-effect", "relay of tasks", "accounts.handlers", "accounts: fee"),
        ("entries-before-balances", "relay of tasks", "accounts.commands", "each balance is"),
        ("payouts-before-progress", "night", "accounts.closing", "each day's figures are"),
    ],
)
def test_a_planted_fault_is_found(fault: str, step: str, module: str, symptom: str) -> None:
    code, said = swept(
        "embedded", "--workers", "1", "--plant", fault, steps=(step,), modules=(module,)
    )
    assert code == 1, "the sweep has not noticed"
    assert "BROKEN" in said, said
    assert symptom in said


def test_every_module_of_the_lists_exists() -> None:
    missing = [
        name
        for name in (*SWEPT, *NOT_SWEPT)
        if not any(
            Path(ROOT, *name.split(".")).with_suffix(ending).exists() for ending in (".py", "")
        )
        and not name.endswith("templates")
    ]
    assert missing == []

"""Who may import whom."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.support import NAMES

ROOT = Path(__file__).parents[2]
DOMAINS = sorted(
    path
    for name in NAMES
    for path in (*(ROOT / name).glob("domain*.py"), *(ROOT / name).glob("domain/*.py"))
)
# What a domain shares with the chassis is as pure as itself.
SHARED = ROOT / "chassis" / "card_numbers.py"


def test_the_floor_plan_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    status = lint_imports(cache_dir=None)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_every_service_has_a_domain() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in DOMAINS} == set(NAMES)


@pytest.mark.parametrize("path", [*DOMAINS, SHARED], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_domain_needs_the_standard_library_only(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    foreign = {
        name
        for name in _imported(ast.parse(path.read_text(encoding="utf-8")))
        if name.split(".")[0] not in sys.stdlib_module_names
        and not name.startswith(f"{own}.domain")
        and name != f"chassis.{SHARED.stem}"
    }
    assert foreign == set()


@pytest.mark.parametrize("path", [*DOMAINS, SHARED], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_domain_neither_asks_the_time_nor_throws_dice(path: Path) -> None:
    """Time and chance come in as arguments."""
    text = path.read_text(encoding="utf-8")
    for asked in ("datetime.now(", "date.today(", "time.time(", "random.random(", "os.environ"):
        assert asked not in text


def test_only_the_clock_asks_the_time() -> None:
    askers = {
        str(path.relative_to(ROOT))
        for package in ("chassis", "contracts", "popug", *NAMES)
        for path in (ROOT / package).rglob("*.py")
        if "datetime.now(" in path.read_text(encoding="utf-8")
    }
    assert askers <= {"chassis/clock.py"}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "a relative import"
            yield node.module or ""


def test_the_check_of_imports_can_fail() -> None:
    assert list(_imported(ast.parse("def f():\n    from flask import g"))) == ["flask"]

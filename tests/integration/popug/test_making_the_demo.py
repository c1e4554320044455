"""The demo company is made once and never over anything that is there already."""

import shutil
from pathlib import Path

import click
import pytest

from chassis.settings import Settings, load_settings
from popug import demo

FILES = ("accounts.db", "auth.db", "tasks.db")


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty data folder, and a demo that is three files and a key."""

    def make(aside: Settings) -> None:
        aside.keys.mkdir(parents=True)
        (aside.keys / "key").write_text("demo")
        for name in FILES:
            (aside.data / name).write_text("demo")

    monkeypatch.setattr(demo, "_make", make)
    settings = load_settings({}, data=tmp_path / "data")
    settings.data.mkdir()
    return settings


def _contents(data: Path) -> dict[str, str]:
    return {str(p.relative_to(data)): p.read_text() for p in data.rglob("*") if p.is_file()}


WHOLE = {**dict.fromkeys(FILES, "demo"), "keys/key": "demo"}


def test_the_first_start_makes_it_and_the_second_leaves_it(settings: Settings) -> None:
    demo.make_once(settings)
    assert _contents(settings.data) == WHOLE
    (settings.data / "tasks.db").write_text("worked on")
    demo.make_once(settings)
    assert _contents(settings.data) == {**WHOLE, "tasks.db": "worked on"}


@pytest.mark.parametrize("step", range(len(WHOLE)))
def test_a_kill_while_it_is_moved_in_is_made_good(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    rename = Path.rename
    moved: list[Path] = []

    def until_killed(path: Path, target: Path) -> Path:
        if len(moved) == step:
            raise Killed
        moved.append(path)
        return rename(path, target)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Path, "rename", until_killed)
        demo.make_once(settings)
    demo.make_once(settings)
    assert _contents(settings.data) == WHOLE


def test_a_kill_at_the_very_end_does_not_make_it_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def empty_and_die(folder: Path, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            (folder / demo.WHOLE).unlink()
            raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(shutil, "rmtree", empty_and_die)
        demo.make_once(settings)
    (settings.data / "tasks.db").write_text("worked on")
    demo.make_once(settings)
    assert _contents(settings.data) == {**WHOLE, "tasks.db": "worked on"}


def test_a_company_of_ones_own_outlives_a_demo_that_was_never_finished(settings: Settings) -> None:
    (settings.data / demo.UNFINISHED).mkdir()
    (settings.data / demo.UNFINISHED / "auth.db").write_text("half a demo")
    (settings.data / "auth.db").write_text("mine")
    demo.make_once(settings)
    assert _contents(settings.data) == {"auth.db": "mine"}


def test_a_whole_demo_is_not_moved_over_a_company_made_meanwhile(settings: Settings) -> None:
    aside = settings.data / demo.UNFINISHED
    aside.mkdir()
    for name in (*FILES, demo.WHOLE):
        (aside / name).write_text("demo")
    (settings.data / "auth.db").write_text("mine")
    with pytest.raises(click.ClickException, match=r"holds auth\.db already"):
        demo.make_once(settings)
    assert (settings.data / "auth.db").read_text() == "mine"

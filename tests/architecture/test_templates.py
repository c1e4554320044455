"""All pages look alike and run under the strict content policy."""

import re
from pathlib import Path

import pytest

from chassis.icons import icon
from popug.system import system

ROOT = Path(__file__).parents[2]
# A letter is read in a mail program, which knows no style sheet of ours.
TEMPLATES = sorted(
    path
    for service in ("chassis", *system.names)
    for path in (ROOT / service / "templates").rglob("*.html")
    if path.name != "letter.html"
)
FORBIDDEN = {
    "a style in the tag": re.compile(r"<[^>]*\sstyle\s*="),
    "a script in the tag": re.compile(r"<[^>]*\son[a-z]+\s*="),
    "a script in the page": re.compile(r"<script(?![^>]*\bsrc=)|javascript:"),
    "a style in the page": re.compile(r"<style"),
    "another site": re.compile(r"""(?:src|href|action)=["'](?:https?:)?//"""),
    "unescaped text": re.compile(r"\|\s*safe\b"),
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_holds_nothing_that_the_content_policy_forbids(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [what for what, pattern in FORBIDDEN.items() if pattern.search(text)] == []


@pytest.mark.parametrize("line", ['<p style="x">', '<a\n onclick="x">', "<script>", "{{ x|safe }}"])
def test_the_check_for_forbidden_things_can_fail(line: str) -> None:
    assert any(pattern.search(line) for pattern in FORBIDDEN.values())


def test_every_icon_exists() -> None:
    used = {link.icon for service in system.services for link in service.links}
    for path in TEMPLATES:
        used |= set(re.findall(r"""\bicon(?:\(|=)["']([^"']+)""", path.read_text(encoding="utf-8")))
    for name in used:
        assert "<path" in icon(name) or "<circle" in icon(name), name


def test_every_page_stands_in_the_base_page() -> None:
    bare = {ROOT / "chassis/templates/base.html"}
    marks = ("{% extends", "{% macro")
    assert [
        path
        for path in TEMPLATES
        if path not in bare and not any(mark in path.read_text(encoding="utf-8") for mark in marks)
    ] == []

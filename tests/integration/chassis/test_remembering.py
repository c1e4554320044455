"""Parts of pages are made once for the same values, language and path, and never mixed up."""

from collections.abc import Callable

import pytest
from flask import Flask, g, render_template, render_template_string
from jinja2 import DictLoader

import tasks
from chassis import remembering
from chassis.identity import Identity
from tests.support import Workbench

PART = """
{%- macro part(value) %}{{ made(value) }}:{{ value|money }}:{{ language }}{% endmacro -%}
{{ remembered(part, value) }}"""


@pytest.fixture
def app(workbench: Callable[..., Workbench]) -> Flask:
    made = workbench(tasks.service).runtime().app
    assert made
    return made


def said(app: Flask, made: list[int], value: int, language: str = "en", root: str = "") -> str:
    """What the part says to somebody of this language, where the service is mounted there."""

    def note(value: int) -> str:
        made.append(value)
        return "<b>"

    with app.test_request_context(f"{root}/", base_url=f"http://popug.test{root}"):
        g.identity = Identity("u1", "worker", "Ann", language)
        return render_template_string(PART, value=value, made=note)


def test_the_same_is_made_once_and_said_again(app: Flask) -> None:
    made: list[int] = []
    first = said(app, made, 1_500)
    assert first.startswith("&lt;b&gt;:$15.00")
    assert said(app, made, 1_500) == first
    assert made == [1_500]


def test_other_values_languages_and_paths_are_made_for_themselves(app: Flask) -> None:
    made: list[int] = []
    parts = [said(app, made, 1), said(app, made, 2), said(app, made, 1, "ru")]
    assert len(set(parts)) == 3
    said(app, made, 1, root="/elsewhere")
    assert made == [1, 2, 1, 1]


def test_what_is_remembered_does_not_grow_for_ever(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    monkeypatch.setattr(remembering, "CHARACTERS_MOST", 1_000)
    with app.test_request_context("/"):
        g.identity = None
        every = "{% for value in values %}{{ remembered(part, value) }}{% endfor %}"
        one = "{% macro part(value) %}{{ made(value) or 'a' * 100 }}{% endmacro %}" + every
        for values in (range(10), [9], [10], [10], [0]):
            render_template_string(one, values=values, made=made.append)
        assert made == [*range(11), 0]  # begun anew when it was too much


def test_of_a_table_that_is_remembered_whole_only_what_changed_is_made(app: Flask) -> None:
    made: list[int] = []
    page = """
{%- macro row(value) %}{{ made(value) or value }},{% endmacro -%}
{%- macro table(values) %}{{ made(0) or "" }}{% for value in values -%}
{{ remembered(row, value) }}{%- endfor %}{% endmacro -%}
{{ remembered(table, values) }}"""
    with app.test_request_context("/"):
        g.identity = None
        shown = [render_template_string(page, values=values, made=made.append)
                 for values in ((1, 2), (1, 2), (3, 1, 2))]  # fmt: skip
    assert shown == ["1,2,", "1,2,", "3,1,2,"]
    assert made == [0, 1, 2, 0, 3]


def test_macros_of_one_name_in_two_templates_are_two(app: Flask) -> None:
    pages = {"a": "{% macro part() %}A{% endmacro %}", "b": "{% macro part() %}B{% endmacro %}"}
    shown = {name: macro + "{{ remembered(part) }}" for name, macro in pages.items()}
    app.jinja_loader = DictLoader(shown)
    with app.test_request_context("/"):
        g.identity = None
        said = [render_template(name) for name in ("a", "b", "a")]
    assert said == ["A", "B", "A"]

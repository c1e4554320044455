"""Cursors of lists: what we wrote comes back, anything else is refused."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.paging import page_of, read_cursor, write_cursor
from chassis.refusals import Problem


def test_a_page_that_is_not_full_has_no_next() -> None:
    page = page_of([1, 2, 3], 3, lambda row: [row])
    assert list(page.items) == [1, 2, 3]
    assert page.next is None


def test_a_full_page_names_its_last_row_and_not_the_extra_one() -> None:
    page = page_of([1, 2, 3, 4], 3, lambda row: [row])
    assert list(page.items) == [1, 2, 3]
    assert read_cursor(page.next, int) == (3,)


@given(st.text(max_size=40), st.integers(-(2**63) + 1, 2**63 - 1))
def test_what_was_written_is_read(text: str, number: int) -> None:
    assert read_cursor(write_cursor([text, number]), str, int) == (text, number)


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_cursor_is_the_first_page(nothing: str | None) -> None:
    assert read_cursor(nothing, str) is None


def _cursor(content: str) -> str:
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "hostile",
    [
        "x",
        "%",
        "'; DROP TABLE tasks; --",
        "ж",
        "\ud800",
        "AAAA" * 1_000,
        _cursor("not json"),
        _cursor('"text"'),
        _cursor("{}"),
        _cursor("[]"),
        _cursor('["a"]'),
        _cursor('["a", 1, 2]'),
        _cursor('[1, "a"]'),
        _cursor('["a", true]'),
        _cursor('["a", 1.0]'),
        _cursor('["a", null]'),
        _cursor(json.dumps(["a", 2**63])),
        _cursor(f'["a", {"9" * 5_000}]'),
        _cursor("[" * 10_000),
        _cursor('["a", NaN]'),
        _cursor('["\\ud800", 1]'),
    ],
)
def test_a_made_up_cursor_is_refused_with_422(hostile: str) -> None:
    with pytest.raises(Problem) as refused:
        read_cursor(hostile, str, int)
    assert refused.value.status == 422


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        read_cursor(text, str, int)
    except Problem as refused:
        assert refused.status == 422

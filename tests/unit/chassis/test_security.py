"""Where a login may lead back to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.security import safe_next


@pytest.mark.parametrize("path", ["/", "/tasks/", "/tasks/board?q=cage&after=x", "/a/%D0%B6#top"])
def test_a_path_on_this_site_is_kept(path: str) -> None:
    assert safe_next(path, "/home") == path


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        "",
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/\x00",
        "/\x7f",
        " //evil.example",
        "javascript:alert(1)",
        "tasks/",
        "evil.example",
        "/ok path",
    ],
)
def test_whatever_leads_elsewhere_is_replaced(hostile: str | None) -> None:
    assert safe_next(hostile, "/home") == "/home"


@given(st.text(alphabet="/\\:@.?#ab \t\n\r\x00", max_size=12))
def test_no_combination_leads_off_the_site(target: str) -> None:
    safe = safe_next(target, "/home")
    assert safe.startswith("/")
    assert not safe.startswith(("//", "/\\"))
    assert "\\" not in safe
    assert not any(ord(c) < 33 for c in safe)

"""Which e-mail addresses are taken, and in which spelling."""

import pytest

from auth.domain import BadEmail
from auth.email_address import clean_email


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" Ann@Popug.TEST ", "ann@popug.test"),
        ("ann@example.com", "ann@example.com"),
        ("first.last+tag@sub.example.org", "first.last+tag@sub.example.org"),
        ("ann@почта.рф", "ann@xn--80a1acny.xn--p1ai"),
    ],
)
def test_an_address_is_kept_in_one_spelling(given: str, kept: str) -> None:
    assert clean_email(given) == kept


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "ann",
        "ann@",
        "@popug.test",
        "ann@popug",
        "ann popug@example.com",
        "ann@example.com\nBcc: all@example.com",
        "ann@example.com, bob@example.com",
        "Ann <ann@example.com>",
        "ann@[127.0.0.1]",
        "ann@foo.invalid",
        "аня@example.com",
        "a\x00@example.com",
        "a" * 65 + "@example.com",
        "ann@" + ".".join(["x" * 60] * 4) + ".com",
        "x" * 10_000,
    ],
)
def test_what_mail_could_not_reach_is_refused(bad: str) -> None:
    with pytest.raises(BadEmail):
        clean_email(bad)

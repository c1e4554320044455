"""What may be said of people."""

from datetime import UTC, datetime

import pytest

from auth.domain import (
    BadName,
    BadPassword,
    User,
    changed,
    check_password,
    clean_name,
    device,
    may_be_id,
)

ANN = User(
    "u1", "ann@popug.test", "Ann", "worker", "en", True, 1, datetime(2026, 3, 10, tzinfo=UTC)
)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Ann  ", "Ann"),
        ("Кеша Попугаев", "Кеша Попугаев"),
        ("O'Brien-Ωmega", "O'Brien-Ωmega"),
        ("x" * 100, "x" * 100),
        ("  " + "x" * 100 + "\t", "x" * 100),
        ("e\u0301", "é"),
        ("👩‍🚀", "👩‍🚀"),
    ],
)
def test_a_name_is_kept_without_the_space_around_it(given: str, kept: str) -> None:
    assert clean_name(given) == kept


@pytest.mark.parametrize(
    "bad",
    ["", "   ", "x" * 101, "a\nb", "a\x00b", "a\x1bb", "\u200b\u200d", "a\u202eb", "a\u2028b"],
)
def test_a_name_that_nobody_can_read_is_refused(bad: str) -> None:
    with pytest.raises(BadName):
        clean_name(bad)


@pytest.mark.parametrize("length", [10, 200])
def test_a_password_of_10_to_200_characters_is_taken(length: int) -> None:
    assert check_password("p" * length) == "p" * length


@pytest.mark.parametrize("length", [0, 9, 201, 10_000])
def test_another_length_of_password_is_refused(length: int) -> None:
    with pytest.raises(BadPassword):
        check_password("p" * length)


def test_another_role_or_state_begins_a_new_epoch() -> None:
    assert changed(ANN, role="manager").epoch == 2
    assert changed(ANN, active=False).epoch == 2
    assert changed(ANN, role="manager", active=False).epoch == 2
    assert changed(changed(ANN, active=False), active=True).epoch == 3


def test_a_name_a_language_or_the_same_rights_again_begin_no_epoch() -> None:
    assert changed(ANN, name="Anna", language="ru").epoch == 1
    assert changed(ANN, role="worker", active=True) == ANN


def test_what_is_not_given_stays() -> None:
    assert changed(ANN) == ANN
    assert changed(ANN, name=" Anna ").name == "Anna"
    with pytest.raises(BadName):
        changed(ANN, name="")


@pytest.mark.parametrize(
    ("user_agent", "browser", "system"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
            "Edge",
            "Windows",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
            "Firefox",
            "Linux",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            "Safari",
            "iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) "
            "SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
            "Samsung Internet",
            "Android",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like "
            "Gecko) Chrome/131.0.0.0 Safari/537.36",
            "Chrome",
            "macOS",
        ),
        ("curl/7.88.1", "curl", None),
        ("", None, None),
    ],
)
def test_a_device_has_a_plain_name(
    user_agent: str, browser: str | None, system: str | None
) -> None:
    found = device(user_agent)
    assert (found.browser, found.system) == (browser, system)


def test_only_what_looks_like_an_id_is_looked_up() -> None:
    assert may_be_id("0195f3a0-0000-7000-8000-000000000000")
    assert not any(may_be_id(text) for text in ("", "x" * 65, "é", "a\nb", "a\x00"))

"""The rules of mails."""

from datetime import UTC, datetime, timedelta

import pytest

from mailer.domain import (
    AddressRefused,
    checked_address,
    header_name,
    message_id,
    next_try,
    one_line,
    soon,
    wire_address,
)

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (1000, 60)]
)
def test_the_pause_doubles_from_a_minute_up_to_an_hour(attempts: int, minutes: int) -> None:
    assert next_try(NOW, attempts, 0.5) == NOW + timedelta(minutes=minutes)


def test_chance_moves_the_pause_by_a_fifth_at_most() -> None:
    assert next_try(NOW, 1, 0.0) == NOW + timedelta(seconds=48)
    assert next_try(NOW, 1, 1.0) == NOW + timedelta(seconds=72)


def test_what_waits_for_our_own_services_waits_five_to_thirty_seconds() -> None:
    assert soon(NOW, 0.0) == NOW + timedelta(seconds=5)
    assert soon(NOW, 1.0) == NOW + timedelta(seconds=30)


def test_a_message_id_is_the_same_each_time_and_differs_by_payout_and_kind() -> None:
    first = message_id("p1", "payout", "popug.example")
    assert first == message_id("p1", "payout", "popug.example")
    others = {message_id("p2", "payout", "popug.example"), message_id("p1", "failed", "h")}
    assert first not in others and len(others) == 2
    assert first.startswith("<") and first.endswith("@popug.example>")


def test_one_line_leaves_no_break_or_invisible_sign() -> None:
    assert one_line("a\r\nBcc: x\t\x00b\u2028c\u202ed") == "a Bcc: x b c d"
    assert one_line("x" * 200, 10) == "x" * 10


def test_a_name_in_a_head_keeps_letters_and_loses_what_means_something() -> None:
    assert header_name("Zoë O'Neill-Попуг 3") == "Zoë O'Neill-Попуг 3"
    assert header_name('Ann <evil@x>, "B" (c); =?utf-8?b?eA==?=') == "Ann evil x B c utf-8 b eA"


@pytest.mark.parametrize(
    "email", ["a@b", "ann.lee+popug@mail.example.com", "o'neill@x.org", "boris@почта.рф"]
)
def test_plain_addresses_pass(email: str) -> None:
    assert checked_address(email) == email


def test_a_host_in_other_letters_travels_in_ascii() -> None:
    assert wire_address("boris@почта.рф") == "boris@xn--80a1acny.xn--p1ai"
    assert wire_address("ann@x.org") == "ann@x.org"


@pytest.mark.parametrize(
    "email",
    [
        None,
        7,
        "",
        "ann",
        "борис@x.org",
        "ann@" + "x" * 64 + ".org",
        "@x.org",
        "ann@",
        "ann@x..org",
        ".ann@x.org",
        "a@b@c",
        "ann@x.org\r\nBcc: evil@x.org",
        "ann@x.org\n",
        "ann@x.org,evil@x.org",
        "ann@x.org evil@x.org",
        "<ann@x.org>",
        "ann@x.org>\r\nRCPT TO:<evil@x.org",
        '"ann evil"@x.org',
        "ann@[127.0.0.1]",
        "ann\x00@x.org",
        "ann\u202e@x.org",
        "ann@x.org;evil@x.org",
        "ann\t@x.org",
        "a" * 250 + "@x.org",
    ],
)
def test_an_address_that_could_do_harm_is_refused(email: object) -> None:
    with pytest.raises(AddressRefused):
        checked_address(email)

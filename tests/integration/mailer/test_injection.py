"""What people and other services wrote cannot change where a mail goes or what runs in it."""

from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.billing import PayoutFailed
from mailer.domain import Content, one_line
from mailer.smtp import message
from tests.integration.mailer.conftest import DAY, add_person, entry, mails_of, requested
from tests.integration.mailer.mail_server import MailServer
from tests.mails.checker import HEADS
from tests.mails.payloads import ADDRESSES, LANGUAGES, TEXTS
from tests.support import NOON, Workbench

AtWork = Callable[..., Workbench]


def _is_harmless(taken: EmailMessage) -> None:
    assert set(taken.keys()) == HEADS and len(taken.keys()) == len(HEADS)
    assert [address.addr_spec for address in taken["To"].addresses] == ["ann@example.com"]
    assert len(list(taken.iter_parts())) == 2


def _runs_nothing(mail: dict[str, Any]) -> None:
    assert mail["status"] == "sent"
    assert "<script" not in mail["html"] and "<img" not in mail["html"]
    assert "49" not in mail["html"].replace("#212529", "")  # nothing was calculated


@given(st.text(), st.text())
def test_no_name_and_no_subject_adds_a_header_or_a_receiver(name: str, subject: str) -> None:
    content = Content("ann@example.com", "en", one_line(subject), "text", "html")
    made = message(content, name, "Popug <p@example.com>", "<id@example.com>", NOON)
    _is_harmless(message_from_bytes(made.as_bytes(), policy=policy.default))


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_name_is_harmless(at_work: AtWork, mail_server: MailServer, text: str) -> None:
    bench = at_work(smtp_url=mail_server.url)
    add_person(bench, "u1", text, "ann@example.com")
    bench.hear(requested())
    bench.settle()
    (taken,) = mail_server.taken
    _is_harmless(taken)
    assert mail_server.receivers == [["ann@example.com"]]
    _runs_nothing(mails_of(bench)[0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hostile_language_is_none(
    at_work: AtWork, mail_server: MailServer, language: str
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    add_person(bench, "u1", "Ann", "ann@example.com", language)
    bench.hear(requested())
    bench.settle()
    (taken,) = mail_server.taken
    _is_harmless(taken)
    assert taken["Content-Language"] == "en" and "on its way" in taken["Subject"]


def test_hostile_titles_notes_and_reasons_are_harmless(
    at_work: AtWork, mail_server: MailServer
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    bench.fakes["accounts"].lists["/api/v1/accounts/u1/transactions"] = [
        entry("reversal", 1000, note=TEXTS[0]),
        *[entry("fee", -1000, f"k{n}") for n in range(19)],
    ]
    titles = [{"id": f"k{n}", "title": text} for n, text in enumerate(TEXTS)]
    bench.fakes["tasks"].lists["/api/v1/tasks"] = titles  # type: ignore[assignment]
    facts: dict[str, Any] = {"user_id": "u1", "date": DAY, "amount": 1250}
    bench.hear(
        requested("p"),
        *[PayoutFailed(payout_id=f"p{n}", reason=t[:500], **facts) for n, t in enumerate(TEXTS)],
    )
    bench.settle()
    assert len(mail_server.taken) == 1 + len(TEXTS)
    for taken in mail_server.taken:
        _is_harmless(taken)
    assert mail_server.receivers == [["ann@example.com"]] * (1 + len(TEXTS))
    for mail in mails_of(bench):
        _runs_nothing(mail)


@pytest.mark.parametrize("email", ADDRESSES)
def test_a_hostile_address_gets_no_mail(
    at_work: AtWork, mail_server: MailServer, email: str
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    add_person(bench, "u1", "Ann", email)
    bench.hear(requested())
    bench.settle()
    assert mails_of(bench)[0]["status"] == "failed"
    assert mail_server.connections == 0 and mail_server.taken == []

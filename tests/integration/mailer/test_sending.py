"""Queueing and sending: one mail per payout, whatever the server and the services do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from chassis import parking
from chassis.migrations import differences
from chassis.outbox import metadata as chassis_metadata
from chassis.settings import SettingsRefused
from contracts.billing import PayoutCancelled, PayoutFailed, PayoutSucceeded
from mailer.commands import claim_mails, record
from mailer.domain import FAILED, MOST_TRIES, Outcome
from mailer.jobs import send_mails
from mailer.models import metadata
from mailer.smtp import SmtpServer
from mailer.status_lines import held_up
from tests.integration.mailer.conftest import DAY, add_person, entry, mails_of, requested
from tests.integration.mailer.mail_server import MailServer
from tests.support import Workbench

AtWork = Callable[..., Workbench]


def test_the_migrated_tables_are_the_declared_ones(at_work: AtWork) -> None:
    database = at_work().runtime().database
    assert differences(database, metadata, chassis_metadata) == []


def test_without_a_server_the_mail_is_written_and_kept(at_work: AtWork) -> None:
    bench = at_work()
    bench.fakes["accounts"].lists["/api/v1/accounts/u1/transactions"] = [
        entry("payout", -1250),
        entry("reversal", 50, note="a wrong fee"),
        entry("reward", 2700, "k2"),
        entry("fee", -1500, "k1"),
    ]
    bench.fakes["tasks"].lists["/api/v1/tasks"] = [
        {"id": "k1", "title": "Paint <b>the</b> cage"},
        {"id": "k2", "title": "Wash the floor"},
    ]
    bench.hear(requested())
    bench.settle()
    (mail,) = mails_of(bench)
    assert mail["status"] == "kept" and mail["attempts"] == 0 and mail["sent_at"] is None
    assert mail["email"] == "ann@example.com"
    assert mail["subject"] == "Your payout for March 9, 2026 is on its way: $12.50"
    lines = [line.strip() for line in mail["text"].splitlines()]
    assert lines[0] == "Hello, Ann!"
    assert "Amount: $12.50" in lines
    assert "Your account: http://127.0.0.1:8000/accounts/" in lines
    slip = "http://127.0.0.1:8000/accounts/payslips/me/2026-03-09"
    assert f"Your pay slip for March 9, 2026: {slip}" in lines
    start = lines.index("Your statement for March 9, 2026")
    assert [line.split("  ", 1)[1] for line in lines[start + 1 : start + 4]] == [
        "Fee: Paint <b>the</b> cage  -$15.00",
        "Reward: Wash the floor  $27.00",
        "Correction: a wrong fee  $0.50",
    ]
    assert lines[start + 4] == "" and "Carried over" not in mail["text"]
    assert "Paint &lt;b&gt;the&lt;/b&gt; cage" in mail["html"]
    assert "<b>" not in mail["html"]
    assert 'href="http://127.0.0.1:8000/accounts/"' in mail["html"]
    assert f'<a href="{slip}">Your pay slip for March 9, 2026</a>' in mail["html"]


def test_a_long_statement_is_cut_after_twenty_lines(at_work: AtWork) -> None:
    bench = at_work()
    fees: list[Any] = [entry("fee", -1000 - n, f"k{n}") for n in range(23)]
    bench.fakes["accounts"].lists["/api/v1/accounts/u1/transactions"] = fees[::-1]
    bench.hear(requested())
    bench.settle()
    (mail,) = mails_of(bench)
    assert mail["text"].count("Fee: title unavailable") == 20
    assert mail["html"].count("Fee: title unavailable") == 20
    assert "-$10.19" in mail["text"] and "-$10.20" not in mail["text"]
    # 1250 − (−(23·1000 + 0+1+…+22)) cents came from earlier days
    assert "  Carried over from earlier days  $245.03" in mail["text"].splitlines()
    assert "and 3 more entries" in mail["text"] and "and 3 more entries" in mail["html"]


def test_a_russian_reader_gets_russian_dates_and_amounts(at_work: AtWork) -> None:
    bench = at_work()
    bench.hear(requested(user_id="u2"))
    bench.settle()
    (mail,) = mails_of(bench)
    assert "9 марта 2026" in mail["subject"]
    assert "12,50" in mail["subject"]
    assert '<html lang="ru">' in mail["html"]
    assert "Ваш расчётный лист за 9 марта 2026" in mail["text"]


def test_a_language_that_we_do_not_speak_becomes_english(at_work: AtWork) -> None:
    bench = at_work()
    add_person(bench, "u3", "Chloé", "chloe@example.com", "fr")
    bench.hear(requested(user_id="u3"))
    bench.settle()
    assert "March 9, 2026" in mails_of(bench)[0]["subject"]


def test_a_server_gets_the_mail_as_text_and_html(at_work: AtWork, mail_server: MailServer) -> None:
    bench = at_work(smtp_url=mail_server.url, mail_from="Popug Inc. <pay@popug.example>")
    bench.hear(requested(user_id="u2"))
    bench.settle()
    (mail,) = mails_of(bench)
    assert mail["status"] == "sent" and mail["attempts"] == 1
    assert mail["sent_at"] == "2026-03-10T12:00:00Z"
    (taken,) = mail_server.taken
    assert mail_server.receivers == [["boris@example.com"]]
    assert mail_server.senders[0].startswith("mail FROM:<pay@popug.example>")
    assert taken["To"] == "Борис <boris@example.com>"
    assert taken["From"] == "Popug Inc <pay@popug.example>"
    assert taken["Subject"] == mail["subject"]
    assert taken["Date"] == "Tue, 10 Mar 2026 12:00:00 +0000"
    assert taken["Message-ID"].endswith("@popug.example>")
    assert "=?" not in taken["Message-ID"]
    assert taken.get_content_type() == "multipart/alternative"
    text, html = taken.iter_parts()
    assert text.get_content().splitlines() == mail["text"].splitlines()
    assert html.get_content_type() == "text/html"
    assert html.get_content().splitlines() == mail["html"].splitlines()


def test_many_mails_share_one_connection(at_work: AtWork, mail_server: MailServer) -> None:
    bench = at_work(smtp_url=mail_server.url)
    bench.hear(*[requested(f"p{n}") for n in range(15)])
    bench.settle()
    assert len(mail_server.taken) == 15 and mail_server.connections == 1
    assert len({taken["Message-ID"] for taken in mail_server.taken}) == 15


def test_a_temporary_refusal_is_tried_again_after_a_pause_that_grows(
    at_work: AtWork, mail_server: MailServer
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    mail_server.answers = {"RCPT": ["450 greylisted", "452 full"], "DATA": ["421 bye"]}
    bench.hear(requested())
    expected = [(1, 72), (2, 144), (3, 288)]  # seconds: 1, 2 and 4 minutes and a fifth
    for attempts, seconds in expected:
        bench.settle()
        (mail,) = mails_of(bench)
        assert (mail["status"], mail["attempts"]) == ("queued", attempts)
        bench.clock.advance(seconds=seconds * 0.6)
        bench.settle()
        assert mails_of(bench)[0]["attempts"] == attempts
        bench.clock.advance(seconds=seconds * 0.5)
    bench.settle()
    (mail,) = mails_of(bench)
    assert (mail["status"], mail["attempts"]) == ("sent", 4)
    assert len(mail_server.taken) == 1


def test_a_mail_that_is_put_off_for_five_days_fails_with_the_servers_words(
    at_work: AtWork, mail_server: MailServer
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    mail_server.answers = {"RCPT": ["452 4.2.2 mailbox full"] * 500}
    bench.hear(requested())
    begun = bench.clock.now()
    while (mail := mails_of(bench)[0])["status"] == "queued":
        bench.settle()
        bench.clock.advance(minutes=72)
    assert (mail["status"], mail["attempts"]) == ("failed", MOST_TRIES)
    assert timedelta(days=4) < bench.clock.now() - begun < timedelta(days=8)
    page = bench.client("admin").get(f"/mailer/mails/{mail['id']}")
    assert "452 4.2.2 mailbox full" in page.text


def test_a_mail_that_must_wait_is_not_taken_along_with_one_that_is_due(
    at_work: AtWork, mail_server: MailServer
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    mail_server.answers = {"RCPT": ["450 later"]}
    bench.hear(requested("p1"))
    bench.settle()
    bench.hear(requested("p2"))
    bench.settle()
    assert [(m["status"], m["attempts"]) for m in mails_of(bench)] == [("sent", 1), ("queued", 1)]


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA"])
def test_a_refusal_for_good_fails_the_mail_with_the_servers_words(
    at_work: AtWork, mail_server: MailServer, word: str
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    mail_server.answers = {word: ["550 5.1.1 no such popug"]}
    bench.hear(requested("p1"), requested("p2"))
    bench.settle()
    assert sorted(mail["status"] for mail in mails_of(bench)) == ["failed", "sent"]
    failed = next(mail for mail in mails_of(bench) if mail["status"] == "failed")
    page = bench.client("admin").get(f"/mailer/mails/{failed['id']}")
    assert "550 5.1.1 no such popug" in page.text


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA"])
def test_a_dropped_line_costs_one_try_of_one_mail(
    at_work: AtWork, mail_server: MailServer, word: str
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    mail_server.answers = {word: ["drop"]}
    bench.hear(requested("p1"), requested("p2"))
    bench.settle()
    assert sorted(m["status"] for m in mails_of(bench)) == ["queued", "sent"]
    bench.clock.advance(minutes=2)
    bench.settle()
    assert [m["status"] for m in mails_of(bench)] == ["sent", "sent"]
    assert len(mail_server.taken) == 2


def test_a_mail_taken_before_the_line_dropped_comes_twice_with_the_same_id(
    at_work: AtWork, mail_server: MailServer
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    mail_server.answers = {"DATA": ["take and drop"]}
    bench.hear(requested())
    bench.settle()
    bench.clock.advance(minutes=2)
    bench.settle()
    first, second = mail_server.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert mails_of(bench)[0]["status"] == "sent"


@pytest.mark.parametrize("greeting", ["drop", "554 go away", "421 too busy"])
def test_an_unreachable_server_costs_the_others_of_the_batch_nothing(
    at_work: AtWork, mail_server: MailServer, greeting: str
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    mail_server.answers = {"CONNECT": [greeting]}
    bench.hear(*[requested(f"p{n}") for n in range(5)])
    bench.settle()
    assert sorted(mail["attempts"] for mail in mails_of(bench)) == [0, 0, 0, 0, 1]
    assert {mail["status"] for mail in mails_of(bench)} == {"queued"}
    bench.clock.advance(minutes=2)
    bench.settle()
    assert {mail["status"] for mail in mails_of(bench)} == {"sent"}
    assert len(mail_server.taken) == 5


def test_no_server_at_all_is_waited_for_and_an_admin_is_told(at_work: AtWork) -> None:
    with MailServer() as gone:
        url = gone.url
    bench = at_work(smtp_url=url)
    bench.hear(requested())
    bench.settle()
    (mail,) = mails_of(bench)
    assert (mail["status"], mail["attempts"]) == ("queued", 1)
    page = bench.client("admin").get(f"/mailer/mails/{mail['id']}").text
    assert "127.0.0.1: [Errno 111] Connection refused" in page
    assert bench.runtime().database.read(held_up) == (0, False)
    bench.clock.advance(minutes=61)
    assert bench.runtime().database.read(held_up) == (1, True)
    bench.settle()
    assert bench.runtime().database.read(held_up) == (1, True)


def test_a_password_is_used_on_this_machine(at_work: AtWork, mail_server: MailServer) -> None:
    mail_server.features = ["AUTH PLAIN"]
    mail_server.answers = {"AUTH": ["535 wrong password"]}
    bench = at_work(smtp_url=mail_server.url.replace("smtp://", "smtp://popug:p%40ss@"))
    bench.hear(requested())
    bench.settle()
    assert mails_of(bench)[0]["status"] == "queued"  # ours to mend, not the mail's fault
    bench.clock.advance(minutes=2)
    bench.settle()
    assert mails_of(bench)[0]["status"] == "sent"


@pytest.mark.parametrize("away", ["auth", "accounts"])
def test_a_service_that_is_away_is_waited_for_and_costs_no_try(
    at_work: AtWork, mail_server: MailServer, away: str
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    bench.fakes[away].away = True
    bench.hear(requested())
    bench.settle()
    (mail,) = mails_of(bench)
    assert (mail["status"], mail["attempts"], mail["text"]) == ("queued", 0, None)
    bench.fakes[away].away = False
    bench.settle()
    assert mails_of(bench)[0]["status"] == "queued"  # not before five seconds are over
    bench.clock.advance(seconds=31)
    bench.settle()
    (mail,) = mails_of(bench)
    assert (mail["status"], mail["attempts"]) == ("sent", 1)


def test_an_account_that_is_not_known_costs_the_statement_only(at_work: AtWork) -> None:
    bench = at_work()
    del bench.fakes["accounts"].lists["/api/v1/accounts/u1/transactions"]
    bench.hear(requested())
    bench.settle()
    (mail,) = mails_of(bench)
    assert mail["status"] == "kept" and "Amount: $12.50" in mail["text"]
    assert "statement" not in mail["text"]


def test_titles_are_missing_while_tasks_is_away(at_work: AtWork) -> None:
    bench = at_work()
    bench.fakes["tasks"].away = True
    bench.fakes["accounts"].lists["/api/v1/accounts/u1/transactions"] = [entry("fee", -1000, "k1")]
    bench.hear(requested())
    bench.settle()
    (mail,) = mails_of(bench)
    assert mail["status"] == "kept" and "Fee: title unavailable" in mail["text"]


def test_a_user_whom_auth_does_not_know_fails_with_a_reason(at_work: AtWork) -> None:
    bench = at_work()
    bench.hear(requested(user_id="nobody"))
    bench.settle()
    (mail,) = mails_of(bench)
    assert (mail["status"], mail["attempts"]) == ("failed", 0)
    page = bench.client("admin").get(f"/mailer/mails/{mail['id']}")
    assert "auth does not know this user" in page.text


def test_duplicates_of_every_kind_make_one_mail_per_payout_and_kind(at_work: AtWork) -> None:
    bench = at_work()
    facts: dict[str, Any] = {"payout_id": "p1", "user_id": "u1", "date": DAY, "amount": 1250}
    events = [
        PayoutCancelled(**facts, reason="left the company"),
        PayoutFailed(**facts, reason="card is blocked"),
        requested(),
        PayoutSucceeded(**facts),
    ]
    for order in (events, events[::-1], events[2:] + events[:2]):
        body = [bench.envelope(event, f"e-{event.type}") for event in order]
        bench.runtime().consumer.deliver(body + body)
        bench.hear(*order)  # the same facts under other event ids
    bench.settle()
    assert bench.runtime().database.read(parking.count) == 0
    texts = {mail["subject"]: mail["text"] for mail in mails_of(bench)}
    assert len(mails_of(bench)) == 3
    assert set(texts) == {
        "Your payout for March 9, 2026 is on its way: $12.50",
        "Your payout for March 9, 2026 did not go through: $12.50",
        "Your payout for March 9, 2026 was cancelled: $12.50",
    }
    failed = texts["Your payout for March 9, 2026 did not go through: $12.50"]
    assert "The reason: card is blocked" in failed and "check the card" in failed
    cancelled = texts["Your payout for March 9, 2026 was cancelled: $12.50"]
    assert "left the company" in cancelled and "back on your account" in cancelled


def test_two_runners_send_each_mail_once(at_work: AtWork, mail_server: MailServer) -> None:
    bench = at_work(smtp_url=mail_server.url)
    bench.hear(*[requested(f"p{n}") for n in range(60)])

    def work(_: int) -> None:
        while send_mails(bench.runtime()):
            pass

    with ThreadPoolExecutor(3) as runners:
        list(runners.map(work, range(3)))
    assert len(mail_server.taken) == 60
    assert len({taken["Message-ID"] for taken in mail_server.taken}) == 60


def test_a_mail_whose_runner_died_is_sent_after_the_lease(
    at_work: AtWork, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    bench.hear(requested())

    really_send = SmtpServer.send

    def send_and_die(server: SmtpServer, mail: EmailMessage) -> None:
        really_send(server, mail)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(SmtpServer, "send", send_and_die)
        with pytest.raises(KeyboardInterrupt):
            send_mails(bench.runtime())
    assert mails_of(bench)[0]["status"] == "sending"
    bench.settle()
    assert len(mail_server.taken) == 1
    bench.clock.advance(minutes=5)
    bench.settle()
    assert mails_of(bench)[0]["status"] == "sent"
    assert len(mail_server.taken) == 2  # once more, never lost


def test_a_runner_whose_lease_is_over_changes_nothing_any_more(
    at_work: AtWork, mail_server: MailServer
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    database = bench.runtime().database
    bench.hear(requested())
    (slow,) = database.run(claim_mails, 20)
    bench.clock.advance(minutes=5)
    (_fast,) = database.run(claim_mails, 20)
    database.run(record, slow, Outcome(FAILED, "too late"))
    assert mails_of(bench)[0]["status"] == "sending"


def test_a_batch_that_takes_too_long_gives_the_rest_back(
    at_work: AtWork, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    bench.hear(*[requested(f"p{n}") for n in range(4)])
    monkeypatch.setattr(SmtpServer, "send", lambda *_: bench.clock.advance(minutes=2))
    assert send_mails(bench.runtime())
    assert sorted(m["status"] for m in mails_of(bench)) == ["queued", "queued", "sent", "sent"]


def test_a_mail_that_breaks_the_job_does_not_stop_the_others(
    at_work: AtWork, mail_server: MailServer
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    bench.fakes["auth"].documents["/api/v1/users/u1"] = {"surprise": 1}
    bench.hear(requested("p1", "u1"), requested("p2", "u2"))
    bench.settle()
    assert sorted(mail["status"] for mail in mails_of(bench)) == ["queued", "sent"]
    add_person(bench, "u1", "Ann", "ann@example.com")
    bench.clock.advance(minutes=2)
    bench.settle()
    assert [mail["status"] for mail in mails_of(bench)] == ["sent", "sent"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"mail_from": ""},
        {"mail_from": "nonsense"},
        {"mail_from": "popug@"},
        {"smtp_url": "smtp://"},
        {"smtp_url": "smtp://host:port"},
        {"smtp_url": "smtp://user:secret@host:99999"},
    ],
)
def test_settings_that_no_mail_can_go_by_are_refused_at_start(
    at_work: AtWork, wrong: dict[str, str]
) -> None:
    with pytest.raises(SettingsRefused) as refused:
        at_work(**wrong)
    assert "write it like" in str(refused.value) and "secret" not in str(refused.value)


def test_a_clock_that_was_set_back_does_not_hold_mails_up(
    at_work: AtWork, mail_server: MailServer
) -> None:
    bench = at_work(smtp_url=mail_server.url)
    database = bench.runtime().database
    mail_server.answers = {"RCPT": ["451 later"]}
    bench.clock.advance(days=365)
    bench.hear(requested("p1"))
    bench.settle()  # put off by the server
    bench.hear(requested("p2"))
    assert [mail.payout_id for mail in database.run(claim_mails, 20)] == [
        "p2"
    ]  # and its runner dies
    bench.hear(requested("p3"))
    bench.clock.advance(days=-365)
    bench.settle()
    assert {mail["status"] for mail in mails_of(bench)} == {"sent"}

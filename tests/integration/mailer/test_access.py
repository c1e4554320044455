"""Who sees which mail, on pages and over REST; resending; the frame around a mail's HTML."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from contracts.auth import AccessChanged
from contracts.billing import PayoutCancelled, PayoutFailed, PayoutSucceeded
from mailer.facts import MailFact, mails
from mailer.jobs import send_mails
from tests.integration.mailer.conftest import DAY, add_person, mails_of, requested
from tests.support import Workbench

AtWork = Callable[..., Workbench]
API = "/mailer/api/v1/mails"


@pytest.fixture
def bench(at_work: AtWork) -> Workbench:
    """Mails of u1 and u2, kept."""
    made = at_work()
    made.hear(requested("p1", "u1"), requested("p2", "u2"))
    made.settle()
    return made


def mail_of(bench: Workbench, user_id: str) -> dict[str, Any]:
    return next(mail for mail in mails_of(bench) if mail["user_id"] == user_id)


def test_a_mail_has_exactly_the_fields_of_the_contract(bench: Workbench) -> None:
    assert set(mails_of(bench)[0]) == {
        "id", "user_id", "email", "subject", "text", "html",
        "status", "attempts", "created_at", "sent_at",
    }  # fmt: skip


@pytest.mark.parametrize("role", ["worker", "accountant", "manager"])
def test_everyone_sees_his_own_mails_only(bench: Workbench, role: str) -> None:
    client = bench.client(role, "u1")
    for path in (API, f"{API}?user_id=u1"):
        assert [m["user_id"] for m in client.get(path).get_json()["items"]] == ["u1"]
    assert client.get(f"{API}?user_id=u2").status_code == 403
    own, foreign = mail_of(bench, "u1"), mail_of(bench, "u2")
    assert client.get(f"{API}/{own['id']}").get_json() == own
    for path in (f"{API}/{foreign['id']}", f"/mailer/mails/{foreign['id']}",
                 f"/mailer/mails/{foreign['id']}/html"):  # fmt: skip
        assert client.get(path).status_code == 404
    assert client.post(f"{API}/{own['id']}/resend").status_code == 403
    assert client.post(f"/mailer/mails/{own['id']}/resend").status_code == 403
    page = client.get("/mailer/")
    assert own["id"] in page.text and foreign["id"] not in page.text
    assert client.get("/mailer/?user_id=u2").text.count(foreign["id"]) == 0


def test_an_admin_sees_all_and_filters(bench: Workbench) -> None:
    admin = bench.client("admin")
    assert len(mails_of(bench)) == 2
    found = admin.get(f"{API}?user_id=u2&status=kept").get_json()["items"]
    assert [m["user_id"] for m in found] == ["u2"]
    assert admin.get(f"{API}?status=sent").get_json() == {"items": [], "next": None}
    page = admin.get("/mailer/?status=kept")
    assert "Ann" in page.text and "Борис" in page.text
    assert "There is no such mail." in admin.get("/mailer/?status=sent").text
    assert "There is no such mail." in admin.get("/mailer/?user_id=ü").text
    assert admin.get("/mailer/?status=nonsense").status_code == 200


def test_nobody_else_gets_in(bench: Workbench) -> None:
    mail = mail_of(bench, "u1")
    stranger = bench.client()
    assert stranger.get(API).status_code == 401
    assert stranger.get("/mailer/").status_code == 302
    assert stranger.get("/mailer/").headers["Location"].startswith("/auth/login?next=")
    service = bench.as_service("tasks")
    assert stranger.get(API, headers=service).status_code == 403
    assert stranger.get(f"{API}/{mail['id']}", headers=service).status_code == 403


def test_someone_disabled_is_out_at_once(bench: Workbench) -> None:
    bench.hear(AccessChanged(user_id="u1", role="worker", active=False, epoch=1))
    assert bench.client("worker", "u1").get(API).status_code == 401


def test_lists_go_on_where_the_page_before_ended(at_work: AtWork) -> None:
    bench = at_work()
    bench.hear(*[requested(f"p{n}") for n in range(5)])
    client, seen, after = bench.client("worker", "u1"), [], ""
    while after is not None:
        answer = client.get(f"{API}?limit=2" + (f"&after={after}" if after else "")).get_json()
        seen += [mail["id"] for mail in answer["items"]]
        after = answer["next"]
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=99999999999999999999",
        "after=%25",
        "after=bm9uc2Vuc2U",
        "status=lost",
        "user_id=",
        "user_id=a%20b",
        "user_id=%C3%BC",
        "user_id=" + "x" * 10_000,
        "colour=red",
    ],
)
def test_a_bad_question_gets_a_sentence(bench: Workbench, query: str) -> None:
    answer = bench.client("admin").get(f"{API}?{query}")
    assert answer.status_code == 422 and answer.get_json()["detail"]


@pytest.mark.parametrize("mail_id", ["nothing", "x" * 5000, "%C3%BC", "'; drop table mails; --"])
def test_an_unknown_mail_is_not_found(bench: Workbench, mail_id: str) -> None:
    admin = bench.client("admin")
    assert admin.get(f"{API}/{mail_id}").status_code == 404
    assert admin.post(f"{API}/{mail_id}/resend").status_code == 404
    assert admin.get(f"/mailer/mails/{mail_id}").status_code == 404
    assert admin.get(f"/mailer/mails/{mail_id}/html").status_code == 404
    assert admin.post(f"/mailer/mails/{mail_id}/resend").status_code == 404
    assert len(mails_of(bench)) == 2


def test_an_admin_resends_a_mail_that_is_done(bench: Workbench) -> None:
    admin, mail = bench.client("admin"), mail_of(bench, "u1")
    add_person(bench, "u1", "Ann", "new@example.com")
    answer = admin.post(f"{API}/{mail['id']}/resend")
    assert answer.status_code == 200
    assert answer.get_json() == mail | {"status": "queued"}
    assert admin.post(f"{API}/{mail['id']}/resend").status_code == 409
    bench.settle()
    again = mail_of(bench, "u1")
    assert again["status"] == "kept" and again["email"] == "new@example.com"


def test_resending_starts_the_count_anew(at_work: AtWork, mail_server: Any) -> None:
    bench = at_work(smtp_url=mail_server.url)
    mail_server.answers = {"RCPT": ["550 no", "550 still no"]}
    bench.hear(requested())
    bench.settle()
    (mail,) = mails_of(bench)
    assert (mail["status"], mail["attempts"]) == ("failed", 1)
    again = bench.client("admin").post(f"{API}/{mail['id']}/resend").get_json()
    assert (again["status"], again["attempts"], again["sent_at"]) == ("queued", 0, None)
    bench.settle()
    assert mails_of(bench)[0]["attempts"] == 1
    bench.client("admin").post(f"{API}/{mail['id']}/resend")
    bench.settle()
    assert mails_of(bench)[0]["status"] == "sent"


def test_of_sixteen_who_resend_at_once_one_wins(bench: Workbench) -> None:
    mail, statuses = mail_of(bench, "u1"), []

    def press() -> None:
        statuses.append(bench.client("admin").post(f"{API}/{mail['id']}/resend").status_code)

    threads = [threading.Thread(target=press) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [409] * 15


def test_resending_by_the_button_says_so(bench: Workbench) -> None:
    admin, mail = bench.client("admin"), mail_of(bench, "u1")
    assert admin.get(f"/mailer/mails/{mail['id']}/resend").status_code == 405
    cross = admin.post(f"/mailer/mails/{mail['id']}/resend", headers={"Origin": "http://evil"})
    assert cross.status_code == 403
    answer = admin.post(f"/mailer/mails/{mail['id']}/resend")
    assert answer.status_code == 303
    page = admin.get(answer.headers["Location"])
    assert "The mail will be sent again in a moment." in page.text
    assert admin.post(f"/mailer/mails/{mail['id']}/resend").status_code == 409


def test_a_mail_is_shown_as_text_and_in_a_frame_where_nothing_runs(bench: Workbench) -> None:
    client, mail = bench.client("worker", "u1"), mail_of(bench, "u1")
    page = client.get(f"/mailer/mails/{mail['id']}")
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "Amount: $12.50" in page.text and "<iframe" in page.text and " sandbox" in page.text
    assert f'src="/mailer/mails/{mail["id"]}/html"' in page.text
    framed = client.get(f"/mailer/mails/{mail['id']}/html")
    policy = framed.headers["Content-Security-Policy"]
    assert policy.startswith(
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    )
    assert framed.text == mail["html"]


def test_a_mail_that_is_not_written_has_a_page_but_no_html(at_work: AtWork) -> None:
    bench = at_work()
    bench.hear(requested())
    (mail,) = mails_of(bench)
    client = bench.client("worker", "u1")
    assert "not written yet" in client.get(f"/mailer/mails/{mail['id']}").text
    assert "Payout on its way" in client.get("/mailer/").text
    assert client.get(f"/mailer/mails/{mail['id']}/html").status_code == 404


def test_someone_without_mail_reads_that_there_is_none(bench: Workbench) -> None:
    assert "There is no mail yet." in bench.client("worker", "u9").get("/mailer/").text


def test_pages_work_while_auth_is_away(bench: Workbench) -> None:
    bench.fakes["auth"].away = True
    page = bench.client("admin").get("/mailer/")
    assert page.status_code == 200 and page.text.count("name unavailable") == 2


@pytest.mark.parametrize("reverse", [False, True])
def test_the_outcome_stands_beside_the_payouts_mail(bench: Workbench, reverse: bool) -> None:
    facts: dict[str, Any] = {"payout_id": "p1", "user_id": "u1", "date": DAY, "amount": 1250}
    failed = bench.envelope(PayoutFailed(**facts, reason="blocked"))
    bench.clock.put(bench.clock.now() - timedelta(hours=1))  # billing's clock was set back
    succeeded = bench.envelope(PayoutSucceeded(**facts))
    client = bench.client("worker", "u1")
    first, second = (succeeded, failed) if reverse else (failed, succeeded)
    bench.runtime().consumer.deliver([first])
    assert (">paid<" if reverse else "refused by the bank") in client.get("/mailer/").text
    bench.runtime().consumer.deliver([second])
    page = client.get("/mailer/").text
    assert ">paid<" in page and "refused by the bank" not in page


def test_the_reconciliation_reads_every_mail(bench: Workbench) -> None:
    bench.hear(PayoutCancelled(payout_id="p2", user_id="u2", date=DAY, amount=1250))
    with bench.runtime().database.reading() as reading:
        facts = list(mails(reading))
    ids = {(fact.payout_id, fact.kind): fact.mail_id for fact in facts}
    assert facts == [
        MailFact(ids["p1", "payout"], "p1", "payout", "u1", DAY, 1250, "kept", 1),
        MailFact(ids["p2", "cancelled"], "p2", "cancelled", "u2", DAY, 1250, "queued", 1),
        MailFact(ids["p2", "payout"], "p2", "payout", "u2", DAY, 1250, "kept", 1),
    ]


def test_a_run_with_nothing_to_do_says_so(bench: Workbench) -> None:
    assert send_mails(bench.runtime()) is False

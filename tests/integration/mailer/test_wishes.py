"""Which mails a popug gets: what he must act upon in any case, of the rest what he wants."""

from collections.abc import Callable
from typing import Any

import pytest

from contracts.accounts import PayoutRequested
from contracts.billing import PayoutCancelled, PayoutFailed, PayoutSucceeded
from tests.integration.mailer.conftest import DAY, mails_of, requested
from tests.integration.mailer.mail_server import MailServer
from tests.support import Workbench

AtWork = Callable[..., Workbench]
MINE = "/mailer/api/v1/preferences/me"
DEFAULT = {"on_its_way": True, "paid": False, "cancelled": True}
NOTHING = {"on_its_way": False, "paid": False, "cancelled": False}
FACTS: dict[str, Any] = {"payout_id": "p1", "user_id": "u1", "date": DAY, "amount": 1250}


@pytest.fixture
def bench(at_work: AtWork, mail_server: MailServer) -> Workbench:
    return at_work(smtp_url=mail_server.url)


def choose(bench: Workbench, wishes: dict[str, bool], user_id: str = "u1") -> None:
    answer = bench.client("worker", user_id).put(MINE, json=wishes)
    assert (answer.status_code, answer.get_json()) == (200, wishes)


def told(mail_server: MailServer) -> list[str]:
    """What the mails said of the payout, in words."""
    heads = [str(taken["Subject"]) for taken in mail_server.taken]
    return sorted(h.removeprefix("Your payout for March 9, 2026 ").split(":")[0] for h in heads)


def take_card(bench: Workbench, user_id: str = "u1") -> None:
    bench.fakes["billing"].documents[f"/api/v1/cards/{user_id}"] = {"stored": False}


def live_through(bench: Workbench) -> None:
    """All that can become of a payout, each told on its own."""
    for event in (
        requested(),
        PayoutFailed(**FACTS, reason="card declined"),
        PayoutSucceeded(**FACTS),
        PayoutCancelled(**FACTS, reason="left"),
    ):
        bench.hear(event)
        bench.settle()


def test_of_a_payout_that_succeeds_one_mail_goes(bench: Workbench, mail_server: MailServer) -> None:
    bench.hear(requested(), PayoutSucceeded(**FACTS))
    bench.settle()
    assert len(mails_of(bench)) == len(mail_server.taken) == 1


@pytest.mark.parametrize(
    ("wishes", "sent"),
    [
        (None, {"is on its way", "did not go through", "was cancelled"}),
        (DEFAULT, {"is on its way", "did not go through", "was cancelled"}),
        (NOTHING, {"did not go through"}),
        (NOTHING | {"paid": True}, {"did not go through", "was paid"}),
        (DEFAULT | {"paid": True}, {"is on its way", "did not go through", "was paid",
                                    "was cancelled"}),
    ],
)  # fmt: skip
def test_everybody_gets_what_he_wants(
    bench: Workbench, mail_server: MailServer, wishes: dict[str, bool] | None, sent: set[str]
) -> None:
    if wishes:
        choose(bench, wishes)
    live_through(bench)
    assert told(mail_server) == sorted(sent)
    assert mail_server.receivers == [["ann@example.com"]] * len(sent)


def test_what_is_turned_off_is_kept_and_shown(bench: Workbench, mail_server: MailServer) -> None:
    choose(bench, NOTHING)
    bench.hear(requested("p1"), requested("p2", "u2"))
    bench.settle()
    assert mail_server.receivers == [["boris@example.com"]]
    (mail,) = [m for m in mails_of(bench) if m["user_id"] == "u1"]
    assert (mail["status"], mail["attempts"]) == ("kept", 0)
    page = bench.client("worker", "u1").get(f"/mailer/mails/{mail['id']}").text
    assert "turned such mails off" in page and "not wanted" not in page
    choose(bench, DEFAULT)
    bench.client("admin").post(f"/mailer/api/v1/mails/{mail['id']}/resend")
    bench.settle()
    assert len(mail_server.taken) == 2


def test_what_is_turned_off_is_not_sent_again_and_an_admin_is_told_so(
    bench: Workbench, mail_server: MailServer
) -> None:
    bench.hear(requested())
    bench.settle()
    choose(bench, NOTHING)
    (mail,) = mails_of(bench)
    admin = bench.client("admin")
    said = "has turned such mails off, so it is shown to him and not sent again"
    for answer in (
        admin.post(f"/mailer/api/v1/mails/{mail['id']}/resend"),
        admin.post(f"/mailer/mails/{mail['id']}/resend"),
    ):
        assert answer.status_code == 409
        assert said in answer.text
    bench.settle()
    assert mails_of(bench) == [mail]
    assert len(mail_server.taken) == 1


def test_what_must_go_is_sent_again_whatever_its_reader_wants(
    bench: Workbench, mail_server: MailServer
) -> None:
    choose(bench, NOTHING)
    bench.hear(requested(), PayoutFailed(**FACTS, reason="card declined"))
    bench.hear(requested("p2", "u2"))
    bench.settle()
    choose(bench, NOTHING, "u2")
    take_card(bench, "u2")
    sent = [mail for mail in mails_of(bench) if mail["status"] == "sent"]
    assert len(sent) == 2
    for mail in sent:
        answer = bench.client("admin").post(f"/mailer/api/v1/mails/{mail['id']}/resend")
        assert answer.status_code == 200
    bench.settle()
    assert len(mail_server.taken) == 4
    assert "ждёт карту" in " ".join(told(mail_server))


def test_what_cannot_be_known_now_is_found_out_when_it_is_sent(
    bench: Workbench, mail_server: MailServer
) -> None:
    bench.hear(requested())
    bench.settle()
    choose(bench, NOTHING)
    bench.fakes["billing"].away = True
    (mail,) = mails_of(bench)
    answer = bench.client("admin").post(f"/mailer/api/v1/mails/{mail['id']}/resend")
    assert answer.status_code == 200
    bench.fakes["billing"].away = False
    bench.settle()
    assert [m["status"] for m in mails_of(bench)] == ["kept"]
    assert len(mail_server.taken) == 1


@pytest.mark.parametrize("wishes", [DEFAULT, NOTHING])
def test_who_has_no_card_is_told_whatever_he_wants(
    bench: Workbench, mail_server: MailServer, wishes: dict[str, bool]
) -> None:
    choose(bench, wishes)
    take_card(bench)
    bench.hear(requested())
    bench.settle()
    (mail,) = mails_of(bench)
    assert mail["status"] == "sent" and len(mail_server.taken) == 1
    assert mail["subject"] == "Your payout for March 9, 2026 waits for a card: $12.50"
    assert "Please store one on the page My payouts" in mail["text"]
    assert "My payouts: http://127.0.0.1:8000/billing/" in mail["text"].splitlines()
    assert 'href="http://127.0.0.1:8000/billing/"' in mail["html"]


@pytest.mark.parametrize("outcome", [PayoutSucceeded, PayoutFailed, PayoutCancelled])
def test_a_payout_that_came_to_an_outcome_waits_for_no_card(
    bench: Workbench, outcome: type[PayoutSucceeded]
) -> None:
    take_card(bench)
    bench.hear(requested(), outcome(**FACTS))
    bench.settle()
    assert not any("waits for a card" in mail["subject"] for mail in mails_of(bench))


def test_whether_there_is_a_card_is_not_guessed(bench: Workbench, mail_server: MailServer) -> None:
    bench.fakes["billing"].away = True
    bench.hear(requested())
    bench.settle()
    assert [(m["status"], m["attempts"]) for m in mails_of(bench)] == [("queued", 0)]
    bench.fakes["billing"].away = False
    take_card(bench)
    bench.clock.advance(seconds=31)
    bench.settle()
    assert "waits for a card" in mail_server.taken[0]["Subject"]


def test_one_chooses_on_the_page(bench: Workbench) -> None:
    client = bench.client("worker", "u1")
    ticked = [line for line in client.get("/mailer/").text.splitlines() if " checked " in line]
    assert ["on_its_way" in line or "cancelled" in line for line in ticked] == [True, True]
    answer = client.post("/mailer/preferences", data={"paid": "y"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/mailer/")
    assert "Your choice of mails is kept." in client.get("/mailer/").text
    assert client.get(MINE).get_json() == NOTHING | {"paid": True}
    assert bench.client("worker", "u2").get(MINE).get_json() == DEFAULT


@pytest.mark.parametrize("body", [{}, {"paid": True}, DEFAULT | {"failed": False}, {"paid": 7}])
def test_a_choice_that_is_none_changes_nothing(bench: Workbench, body: Any) -> None:
    client = bench.client("worker", "u1")
    assert client.put(MINE, json=body).status_code == 422
    assert client.get(MINE).get_json() == DEFAULT


def test_who_has_asked_hears_once_however_often_the_event_comes(bench: Workbench) -> None:
    choose(bench, DEFAULT | {"paid": True})
    event = PayoutSucceeded(**FACTS)
    for events in ([event, event], [event], [requested(), event]):
        bench.hear(*events)
    bench.settle()
    assert sorted(mail["subject"].split(" 2026 ")[1] for mail in mails_of(bench)) == [
        "is on its way: $12.50",
        "was paid: $12.50",
    ]


def test_a_request_in_another_currency_keeps_it(bench: Workbench) -> None:
    take_card(bench)
    bench.hear(PayoutRequested(payout_id="p9", user_id="u1", date=DAY, amount=700, currency="EUR"))
    bench.settle()
    assert mails_of(bench)[0]["subject"].endswith("waits for a card: €7.00")

"""Who sees and does what with payouts, over REST and on the pages (contract, section 3)."""

from datetime import timedelta
from typing import Any

import pytest

from billing import models
from contracts.auth import AccessChanged
from tests.integration.billing.conftest import API, DECLINED_CARD, YESTERDAY, Desk

LIST = f"{API}/payouts"


@pytest.fixture
def three(desk: Desk) -> Desk:
    """Payouts p1 (ann, yesterday), p2 (ann, the day before), p3 (bob, yesterday)."""
    desk.request("p1", "ann", 1_001)
    desk.request("p2", "ann", 1_002, YESTERDAY - timedelta(days=1))
    desk.store_card("bob")
    desk.request("p3", "bob", 1_003)
    return desk


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.get_json()["items"]]


@pytest.mark.parametrize("role", ["worker", "manager"])
def test_workers_and_managers_see_their_own_payouts_alone(three: Desk, role: str) -> None:
    ann = three.person("ann", role)
    assert ids(ann.get(LIST)) == ["p1", "p2"]
    assert ids(ann.get(f"{LIST}?user_id=ann")) == ids(ann.get(f"{LIST}?user_id=me")) == ["p1", "p2"]
    assert ann.get(f"{LIST}?user_id=bob").status_code == 403
    assert ann.get(f"{LIST}/p1").get_json()["amount"] == 1_001
    assert ann.get(f"{LIST}/p3").status_code == 404
    assert ann.get("/billing/payouts/p3").status_code == 404
    assert ann.get("/billing/payouts/p1").status_code == 200
    for path in ("/billing/payouts", "/billing/reports/2026-03-09", f"{API}/reports/2026-03-09"):
        assert ann.get(path).status_code == 403
    for path in (f"{LIST}/p1/retry", "/billing/payouts/p1/retry", "/billing/payouts/p1/cancel"):
        assert ann.post(path).status_code == 403
    assert ann.post(f"{LIST}/p1/cancel", json={"reason": "mine"}).status_code == 403
    assert three.status("p1") == "waiting_for_card"


@pytest.mark.parametrize("role", ["accountant", "admin"])
def test_bookkeepers_see_everybodys(three: Desk, role: str) -> None:
    who = three.bench.client(role)
    assert ids(who.get(LIST)) == ["p3", "p1", "p2"]
    assert ids(who.get(f"{LIST}?user_id=ann")) == ["p1", "p2"]
    assert ids(who.get(f"{LIST}?user_id=me")) == []
    assert ids(who.get(f"{LIST}?date=2026-03-09")) == ["p3", "p1"]
    assert ids(who.get(f"{LIST}?status=ready")) == ["p3"]
    assert ids(who.get(f"{LIST}?user_id=&date=&status=")) == ["p3", "p1", "p2"]
    assert who.get(f"{LIST}/p3").status_code == 200
    assert who.get("/billing/payouts/p3").status_code == 200


def test_other_services_may_read(three: Desk) -> None:
    client, headers = three.bench.client(), three.bench.as_service("mailer")
    assert ids(client.get(LIST, headers=headers)) == ["p3", "p1", "p2"]
    assert client.get(f"{LIST}/p1", headers=headers).status_code == 200
    assert client.post(f"{LIST}/p1/retry", headers=headers).status_code == 403
    card = client.put(f"{API}/cards/me", headers=headers, json={"card_number": "4242424242424242"})
    assert card.status_code == 403


def test_strangers_are_sent_to_the_door(three: Desk) -> None:
    stranger = three.bench.client()
    assert stranger.get(LIST).status_code == 401
    assert stranger.put(f"{API}/cards/me", json={"card_number": "x"}).status_code == 401
    assert stranger.get("/billing/").status_code == 302
    assert stranger.get("/billing/payouts").location == "/auth/login?next=%2Fbilling%2Fpayouts"


def test_a_demoted_accountant_loses_his_view_at_once(three: Desk) -> None:
    accountant = three.accountant
    assert accountant.get("/billing/payouts").status_code == 200
    three.bench.hear(AccessChanged(user_id="u-accountant", role="worker", active=True, epoch=1))
    assert accountant.get("/billing/payouts").status_code == 403
    assert ids(accountant.get(LIST)) == []


def test_pages_of_the_list_neither_skip_nor_repeat(desk: Desk) -> None:
    for number in range(7):
        for user_id in ("ann", "bob"):
            day = YESTERDAY - timedelta(days=number)
            desk.request(f"{user_id}-{number}", user_id, 100, day)
    found: list[str] = []
    after = ""
    while True:
        page = desk.accountant.get(f"{LIST}?limit=3&after={after}").get_json()
        found += [item["id"] for item in page["items"]]
        after = page["next"]
        if not after:
            break
    assert found == [f"{who}-{n}" for n in range(7) for who in ("bob", "ann")]
    assert "Next page" not in desk.person("ann").get("/billing/").text


BAD_QUERIES: tuple[Any, ...] = (
    "limit=0",
    "limit=201",
    "limit=x",
    "date=tomorrow",
    "date=2026-02-30",
    "date=1700000000",
    "status=paid",
    "color=red",
    "after=WyIxIiwgMl0",
    "after=WyJ4IiwgIngiXQ",
    "user_id=" + "x" * 300,
    "date=%00",
)


def test_bad_queries_are_refused_with_a_sentence(three: Desk) -> None:
    for query in BAD_QUERIES:
        answer = three.accountant.get(f"{LIST}?{query}")
        assert answer.status_code in (400, 422)
        assert len(answer.get_json()["detail"]) > 10


IDS_OF_NOTHING: tuple[Any, ...] = (
    "x",
    "x" * 5_000,
    "%F0%9F%A6%9C",
    "'; DROP TABLE payouts",
    "-1",
)


def test_ids_of_nothing_are_not_found(three: Desk) -> None:
    for thing in IDS_OF_NOTHING:
        accountant = three.accountant
        assert accountant.get(f"{LIST}/{thing}").status_code == 404
        assert accountant.get(f"/billing/payouts/{thing}").status_code == 404
        assert accountant.post(f"{LIST}/{thing}/retry").status_code == 404
        assert accountant.post(f"{LIST}/{thing}/cancel", json={"reason": "r"}).status_code == 404
        assert (
            accountant.post(f"/billing/payouts/{thing}/cancel", data={"reason": "r"}).status_code
            == 404
        )
        assert ids(accountant.get(f"{LIST}?user_id={thing[:100]}")) == []


NO_REASONS: tuple[Any, ...] = (
    {},
    {"reason": ""},
    {"reason": "  "},
    {"reason": "x" * 501},
    {"reason": "x" * 10_000},
    {"reason": 5},
    {"reason": None},
    {"reason": "a\x00b"},
    {"reason": "\ud800"},
    {"reason": "why", "amount": 1},
)


def test_a_cancellation_without_a_plain_reason_is_refused(three: Desk) -> None:
    for body in NO_REASONS:
        answer = three.accountant.post(f"{LIST}/p1/cancel", json=body)
        assert answer.status_code == 422
        assert len(answer.get_json()["detail"]) > 10
        assert three.status("p1") == "waiting_for_card"
        assert three.bench.emitted() == []


def test_an_accountant_retries_and_cancels_on_the_page(desk: Desk) -> None:
    desk.store_card(number=DECLINED_CARD)
    desk.request()
    desk.work()
    accountant = desk.accountant
    page = accountant.get("/billing/payouts/p1").text
    assert "Send it again" in page
    assert "card declined" in page
    assert "attempt 1 at sandbox" in page
    assert accountant.post("/billing/payouts/p1/retry").status_code == 303
    desk.work()
    assert desk.payout()["attempts"] == 2
    refused = accountant.post("/billing/payouts/p1/cancel", data={"reason": " "})
    assert refused.status_code == 422
    assert "Say why" in refused.text
    kept = accountant.post("/billing/payouts/p1/cancel", data={"reason": "kept \x07 text"})
    assert kept.status_code == 422
    assert "kept" in kept.text
    assert accountant.post("/billing/payouts/p1/cancel", data={"reason": "left"}).status_code == 303
    assert desk.status() == "cancelled"
    again = accountant.post("/billing/payouts/p1/cancel", data={"reason": "left"})
    assert again.status_code == 409
    assert "cannot be cancelled" in again.text
    assert "Cancel the payout" not in accountant.get("/billing/payouts/p1").text


def test_the_owner_sees_why_he_is_not_paid_and_what_to_do_but_no_buttons(three: Desk) -> None:
    ann = three.person("ann")
    page = ann.get("/billing/").text
    assert "Store one, and this goes out by itself." in page
    assert "$10.01" in page
    assert "$10.02" in page
    assert "$10.03" not in page
    assert "Cancel the payout" not in ann.get("/billing/payouts/p1").text


def test_the_list_of_all_names_people_and_keeps_its_filters(three: Desk) -> None:
    accountant = three.accountant
    page = accountant.get("/billing/payouts").text
    assert "Ann" in page
    assert "Bob" in page
    assert "/billing/reports/2026-03-09" in page
    filtered = accountant.get("/billing/payouts?user_id=bob&date=2026-03-09&status=ready").text
    assert "$10.03" in filtered
    assert "$10.01" not in filtered
    assert 'value="2026-03-09"' in filtered
    assert "There is no such payout" in accountant.get("/billing/payouts?status=succeeded").text
    assert accountant.get("/billing/payouts?date=tomorrow").status_code == 422
    assert accountant.get("/billing/payouts?status=nonsense").status_code == 200
    assert accountant.get("/billing/payouts?after=!!!").status_code == 422


def test_pages_work_without_auth_and_say_that_names_are_unavailable(three: Desk) -> None:
    three.bench.fakes["auth"].away = True
    accountant = three.accountant
    for path in ("/billing/payouts", "/billing/reports/2026-03-09"):
        answer = accountant.get(path)
        assert answer.status_code == 200
        assert "name unavailable" in answer.text
    assert accountant.get("/billing/payouts/p1").status_code == 200
    assert three.person().get("/billing/").status_code == 200


def test_whether_there_is_a_card_is_told_to_its_owner_to_bookkeepers_and_to_services(
    desk: Desk,
) -> None:
    desk.store_card("ann")
    mailer = desk.bench.as_service("mailer")
    for client, headers in (
        (desk.person("ann"), {}),
        (desk.accountant, {}),
        (desk.bench.client(), mailer),
    ):
        answer = client.get(f"{API}/cards/ann", headers=headers)
        assert (answer.status_code, answer.get_json()) == (200, {"stored": True})
    assert desk.person("ann").get(f"{API}/cards/me").get_json() == {"stored": True}
    assert desk.person("bob").get(f"{API}/cards/me").get_json() == {"stored": False}
    for nobody in ("bob", "nobody", "%C3%BC", "x" * 5_000):
        answer = desk.bench.client().get(f"{API}/cards/{nobody}", headers=mailer)
        assert (answer.status_code, answer.get_json()) == (200, {"stored": False})
    assert desk.person("bob").get(f"{API}/cards/ann").status_code == 404
    assert desk.person("max", "manager").get(f"{API}/cards/ann").status_code == 404
    assert desk.bench.client().get(f"{API}/cards/ann").status_code == 401


def test_nothing_changes_on_get(three: Desk) -> None:
    before = three.table(models.payouts)
    accountant = three.accountant
    for path in ("card", "card/remove", "payouts/p1/retry", "payouts/p1/cancel"):
        assert accountant.get(f"/billing/{path}").status_code in (404, 405)
    assert three.table(models.payouts) == before


def test_a_write_from_another_site_is_refused(desk: Desk) -> None:
    answer = desk.person().post(
        "/billing/card",
        data={"card_number": "4242424242424242"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403


def test_nobody_is_believed_who_speaks_for_a_gateway_that_tells_nothing(desk: Desk) -> None:
    assert desk.bench.client().post("/billing/webhooks/sandbox", json={}).status_code == 401


def test_the_description_names_every_route_of_the_contract(desk: Desk) -> None:
    paths = desk.bench.client().get("/billing/api/openapi.json").get_json()["paths"]
    own = {path for path in paths if not path.startswith("/api/v1/parked")}
    assert own == {
        "/api/v1/cards/me",
        "/api/v1/cards/{user_id}",
        "/api/v1/payouts",
        "/api/v1/payouts/{payout_id}",
        "/api/v1/payouts/{payout_id}/retry",
        "/api/v1/payouts/{payout_id}/cancel",
        "/api/v1/payouts/{payout_id}/decide",
        "/api/v1/payouts/{payout_id}/settle",
        "/api/v1/payouts/{payout_id}/ask",
        "/api/v1/reports",
        "/api/v1/reports.csv",
        "/api/v1/reports.xlsx",
        "/api/v1/reports/{day}",
        "/api/v1/reports/{day}.json",
        "/api/v1/reports/{day}.csv",
        "/api/v1/reports/{day}.xlsx",
    }


def test_a_payout_leads_to_the_pay_slip_of_its_day(desk: Desk) -> None:
    desk.request()
    mine = 'href="/accounts/payslips/me/2026-03-09"'
    assert mine in desk.person().get("/billing/").text
    assert mine in desk.person().get("/billing/payouts/p1").text
    assert (
        'href="/accounts/payslips/ann/2026-03-09"'
        in desk.accountant.get("/billing/payouts/p1").text
    )

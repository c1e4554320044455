"""Sessions: seen, ended, and refused everywhere."""

import random
from collections.abc import Callable

import auth
from auth import commands, sessions
from auth.domain import Session
from chassis.access import AccessBook
from chassis.database import Transaction
from chassis.identity import Identity
from chassis.web import cookie_name
from contracts.auth import AccessChanged
from tests.integration.auth.office import PASSWORD, Office
from tests.support import Workbench

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)


def test_anyone_sees_his_own_sessions_and_which_one_is_this(office: Office) -> None:
    office.add("Ann")
    office.add("Bob")
    laptop = office.signed_in("Ann")
    office.signed_in("Ann", SAFARI)
    office.signed_in("Bob", "curl/7.88.1")
    page = laptop.get("/auth/me").text
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert "curl" not in page
    assert page.count("this one") == 1
    assert "10.0.0.1" in page


def test_an_ended_session_is_refused_at_once_and_only_that_one(office: Office) -> None:
    ann = office.add("Ann")
    laptop, phone = office.signed_in("Ann"), office.signed_in("Ann", SAFARI)
    office.said()
    gone = office.session_id(phone)
    answer = laptop.post(f"/auth/me/sessions/{gone}/end")
    assert (answer.status_code, answer.location) == (303, "/auth/me")
    assert phone.get("/auth/api/v1/users/me").status_code == 401
    assert laptop.get("/auth/api/v1/users/me").status_code == 200
    assert office.said() == [
        AccessChanged(user_id=ann.id, role="worker", active=True, epoch=1, ended_sessions=[gone])
    ]
    assert laptop.post(f"/auth/me/sessions/{gone}/end").status_code == 404


def test_it_is_refused_at_once_without_the_tests_help(office: Office) -> None:
    """The workbench switches the chassis's memory off; auth must do so itself."""
    office.runtime.access = AccessBook(office.runtime.database, remembered_seconds=60)
    auth.service.prepare(office.runtime)
    office.add("Ann")
    client = office.signed_in("Ann")
    token = {"Authorization": f"Bearer {office.token(client)}"}
    assert client.get("/auth/api/v1/users/me").status_code == 200
    assert client.post("/auth/api/v1/logout").status_code == 204
    answer = office.bench.client().get("/auth/api/v1/users/me", headers=token)
    assert answer.status_code == 401


def test_nobody_ends_the_session_of_somebody_else(office: Office) -> None:
    ann = office.add("Ann")
    office.add("Bob")
    ann_client, bob_client = office.signed_in("Ann"), office.signed_in("Bob")
    theirs = office.session_id(ann_client)
    assert bob_client.post(f"/auth/me/sessions/{theirs}/end").status_code == 404
    answer = bob_client.post(f"/auth/users/{ann.id}/sessions/{theirs}/end")
    assert answer.status_code == 403
    assert ann_client.get("/auth/api/v1/users/me").status_code == 200


def test_all_others_end_and_this_one_stays(office: Office) -> None:
    office.add("Ann")
    here, *others = [office.signed_in("Ann") for _ in range(4)]
    page = here.post("/auth/me/sessions/end-others", follow_redirects=True)
    assert "3 sessions have ended." in page.text
    assert here.get("/auth/api/v1/users/me").status_code == 200
    assert [c.get("/auth/api/v1/users/me").status_code for c in others] == [401] * 3


def test_an_admin_sees_and_ends_the_sessions_of_others(office: Office) -> None:
    office.add("Root", "admin")
    ann = office.add("Ann")
    root, one, two = office.signed_in("Root"), office.signed_in("Ann"), office.signed_in("Ann")
    assert root.get(f"/auth/users/{ann.id}").text.count("Firefox on Linux") == 2
    root.post(f"/auth/users/{ann.id}/sessions/{office.session_id(one)}/end")
    assert one.get("/auth/api/v1/users/me").status_code == 401
    assert two.get("/auth/api/v1/users/me").status_code == 200
    page = root.post(f"/auth/users/{ann.id}/sessions/end", follow_redirects=True)
    assert "1 session has ended." in page.text
    assert two.get("/auth/api/v1/users/me").status_code == 401
    assert root.get("/auth/api/v1/users/me").status_code == 200


def test_another_password_ends_the_other_sessions(office: Office) -> None:
    office.add("Ann")
    here, other = office.signed_in("Ann"), office.signed_in("Ann")
    data = {"old": PASSWORD, "new": "quite another one"}
    assert here.post("/auth/me/password", data=data).status_code == 303
    assert here.get("/auth/api/v1/users/me").status_code == 200
    assert other.get("/auth/api/v1/users/me").status_code == 401
    assert office.attempt("ann@popug.test").status_code == 401
    assert office.attempt("ann@popug.test", "quite another one").status_code == 200


def test_a_very_great_number_of_sessions_ends_in_several_events(office: Office) -> None:
    ann = office.add("Ann")
    now = office.bench.clock.now()
    expires = now.replace(hour=23)

    def many(tx: Transaction) -> None:
        for number in range(1_201):
            sessions.add(tx, Session(f"s{number}", ann.id, now, expires, "", ""))

    office.do(many)
    office.said()
    assert office.do(commands.end_all_sessions, ann.id, keep="s7") == 1_200
    said = office.said()
    assert [len(event.ended_sessions) for event in said] == [500, 500, 200]
    assert office.do(commands.end_all_sessions, ann.id, keep="s7") == 0
    assert office.said() == []


def test_strange_session_ids_are_just_not_found(office: Office) -> None:
    office.add("Ann")
    client = office.signed_in("Ann")
    for strange in ("x", "x" * 5_000, "é", "%20", "1 OR 1=1"):
        assert client.post(f"/auth/me/sessions/{strange}/end").status_code in (404, 405)
    assert client.get("/auth/api/v1/users/me").status_code == 200


def test_another_service_refuses_what_auth_refuses_whatever_the_order(
    office: Office, workbench: Callable[..., Workbench]
) -> None:
    """`there` is another database that has only heard the events, some of them twice."""
    office.add("Root", "admin")
    ann = office.add("Ann", "manager")
    ended, kept = office.signed_in("Ann"), office.signed_in("Ann")
    office.do(commands.end_session, ann.id, office.session_id(ended))
    office.do(commands.change_user, ann.id, role="worker")
    said = office.bench.emitted()
    for seed in range(6):
        heard = said + said[-2:]
        random.Random(seed).shuffle(heard)
        there = workbench(auth.service)
        for event in heard:
            there.hear(event)
        verify = office.runtime.verifier.verify
        now = office.bench.clock.now()
        book = there.runtime().access
        assert book.now(verify(office.token(ended), now)) is None
        still = book.now(verify(office.token(kept), now))
        assert still and still.role == "worker"


def test_a_disabled_and_enabled_user_does_not_get_his_old_sessions_back(
    office: Office,
) -> None:
    office.add("Root", "admin")
    ann = office.add("Ann")
    client = office.signed_in("Ann")
    gone = office.session_id(client)
    office.said()
    office.do(commands.change_user, ann.id, active=False)
    assert client.get("/auth/api/v1/users/me").status_code == 401
    office.do(commands.change_user, ann.id, active=True)
    assert client.get("/auth/api/v1/users/me").status_code == 401
    disabled, enabled = office.said()
    assert (disabled.active, disabled.epoch, disabled.ended_sessions) == (False, 2, [gone])
    assert (enabled.active, enabled.epoch, enabled.ended_sessions) == (True, 3, [])
    assert office.signed_in("Ann").get("/auth/api/v1/users/me").status_code == 200


def test_a_promotion_holds_for_the_session_at_hand(office: Office) -> None:
    office.add("Root", "admin")
    ann = office.add("Ann")
    client = office.signed_in("Ann")
    assert client.get("/auth/users").status_code == 403
    office.do(commands.change_user, ann.id, role="admin")
    assert client.get("/auth/users").status_code == 200
    office.do(commands.change_user, ann.id, role="worker")
    assert client.get("/auth/users").status_code == 403


def test_a_token_without_a_session_row_can_still_be_put_away(office: Office) -> None:
    """After a restored backup, say."""
    client = office.bench.client("worker", session_id="gone")
    assert client.post("/auth/api/v1/logout").status_code == 204
    assert client.get_cookie(cookie_name(office.bench.settings)) is None


def test_the_identity_of_a_new_session_knows_the_epoch(office: Office) -> None:
    office.add("Root", "admin")
    ann = office.add("Ann")
    office.do(commands.change_user, ann.id, role="accountant")
    client = office.signed_in("Ann")
    now = office.bench.clock.now()
    who = office.runtime.verifier.verify(office.token(client), now)
    assert who == Identity(ann.id, "accountant", "Ann", "en", who.session_id, 2)

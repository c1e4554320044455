"""What auth says of people's rights overrules their tokens, in any order of arrival."""

import itertools

import pytest

from chassis.access import Known, known_access
from contracts.auth import AccessChanged
from tests.support import Workbench


def _said(
    epoch: int, role: str = "worker", active: bool = True, ended: str = "", user_id: str = "u1"
) -> AccessChanged:
    return AccessChanged.model_validate(
        {
            "user_id": user_id,
            "role": role,
            "active": active,
            "epoch": epoch,
            "ended_sessions": [ended] if ended else [],
        }
    )


def _sees(bench: Workbench, role: str, epoch: int = 0, session: str = "s1") -> str:
    client = bench.client(role, "u1", epoch=epoch, session_id=session)
    answer = client.get("/counter/mine")
    return answer.text if answer.status_code == 200 else str(answer.status_code)


def test_without_news_the_token_holds(bench: Workbench) -> None:
    assert _sees(bench, "manager") == "u1 manager"


def test_a_demoted_person_loses_what_he_may_no_longer_do(bench: Workbench) -> None:
    assert bench.client("admin", "u1").get("/counter/admins").status_code == 200
    bench.hear(_said(1, "worker"))
    assert bench.client("admin", "u1").get("/counter/admins").status_code == 403
    assert _sees(bench, "admin") == "u1 worker"


def test_a_promoted_person_gains_at_once(bench: Workbench) -> None:
    bench.hear(_said(1, "admin"))
    assert bench.client("worker", "u1").get("/counter/admins").status_code == 200


def test_a_disabled_person_is_no_longer_signed_in(bench: Workbench) -> None:
    bench.hear(_said(1, active=False))
    assert _sees(bench, "worker") == "302"
    headers = {"Authorization": f"Bearer {bench.token('worker', 'u1')}"}
    answer = bench.client().get("/counter/api/v1/counts", headers=headers)
    assert answer.status_code == 401


def test_a_token_that_is_newer_than_the_news_holds(bench: Workbench) -> None:
    bench.hear(_said(3, active=False))
    assert _sees(bench, "manager", epoch=4) == "u1 manager"
    assert _sees(bench, "manager", epoch=3) == "u1 manager"
    assert _sees(bench, "manager", epoch=2) == "302"


def test_an_ended_session_is_over_and_the_others_go_on(bench: Workbench) -> None:
    bench.hear(_said(0, ended="s1"))
    assert _sees(bench, "worker", session="s1") == "302"
    assert _sees(bench, "worker", session="s2") == "u1 worker"


@pytest.mark.parametrize("together", [True, False])
def test_any_order_of_arrival_ends_in_the_same_state(together: bool, bench: Workbench) -> None:
    for number, order in enumerate(itertools.permutations(range(4))):
        who = f"u{number}"
        news = [
            _said(1, "manager", user_id=who),
            _said(2, "admin", ended=f"s{number}", user_id=who),
            _said(3, "accountant", active=False, user_id=who),
            _said(2, "admin", user_id=who),
        ]
        in_order = [news[i] for i in order]
        for batch in [in_order] if together else [[one] for one in in_order]:
            bench.hear(*batch)
        database = bench.runtime().database
        assert database.read(known_access, who) == Known("accountant", active=False, epoch=3)
        assert database.read(known_access, "nobody") is None
        late = bench.client("worker", who, epoch=9, session_id=f"s{number}")
        assert late.get("/counter/mine").status_code == 302


def test_the_book_remembers_for_a_second_and_no_longer(bench: Workbench) -> None:
    book = bench.runtime().access
    book._seconds = 60
    assert _sees(bench, "worker") == "u1 worker"
    bench.hear(_said(1, active=False))
    assert _sees(bench, "worker") == "u1 worker"
    book._known.clear()
    assert _sees(bench, "worker") == "302"

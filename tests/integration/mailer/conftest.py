"""The mailer at work beside an auth, an accounts and a tasks that answer what is set here."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

import mailer
from contracts.accounts import PayoutRequested
from tests.integration.mailer.mail_server import MailServer
from tests.support import Workbench

DAY = date(2026, 3, 9)


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def at_work(workbench: Callable[..., Workbench]) -> Callable[..., Workbench]:
    """Makes a mailer that knows the popugs u1 (English) and u2 (Russian)."""

    def make(**settings: Any) -> Workbench:
        bench = workbench(mailer.service, **settings)
        add_person(bench, "u1", "Ann", "ann@example.com")
        add_person(bench, "u2", "Борис", "boris@example.com", "ru")
        return bench

    return make


def add_person(bench: Workbench, user_id: str, name: str, email: str, language: str = "en") -> None:
    bench.fakes["auth"].documents[f"/api/v1/users/{user_id}"] = {
        "id": user_id,
        "name": name,
        "email": email,
        "language": language,
        "role": "worker",
        "active": True,
    }
    bench.fakes["billing"].documents[f"/api/v1/cards/{user_id}"] = {"stored": True}
    bench.fakes["accounts"].lists.setdefault(f"/api/v1/accounts/{user_id}/transactions", [])
    bench.fakes["auth"].lists.setdefault("/api/v1/users", []).append({"id": user_id, "name": name})


def entry(kind: str, cents: int, task_id: str | None = None, note: str = "") -> dict[str, Any]:
    return {
        "id": f"t-{kind}-{task_id}",
        "datetime": "2026-03-09T10:15:00Z",
        "day": "2026-03-09",
        "user_id": "u1",
        "kind": kind,
        "task_id": task_id,
        "sum": cents,
        "balance": 0,
        "note": note,
    }


def requested(payout_id: str = "p1", user_id: str = "u1", amount: int = 1250) -> PayoutRequested:
    return PayoutRequested(
        payout_id=payout_id, user_id=user_id, date=DAY, amount=amount, currency="USD"
    )


def mails_of(bench: Workbench) -> list[dict[str, Any]]:
    """All mails as an admin gets them, newest first."""
    answer = bench.client("admin").get("/mailer/api/v1/mails")
    assert answer.status_code == 200
    return list(answer.get_json()["items"])

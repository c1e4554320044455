"""A running company with something on every page, and a Chromium to look at it."""

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.system.company import CARD, Books, Company
from tests.system.running import Person, RunningPopug
from tests.waiting import wait_for, wait_until_equal

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "locale": "en-US",
}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium")
    if not found:
        pytest.skip("no chromium on this machine")
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def company(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Two workers with tasks, a closed day, payouts, mails: something on every page."""
    popug = RunningPopug(tmp_path_factory.mktemp("browser"))
    popug.start()
    try:
        popug.add_admin()
        made = Company(popug.url, workers=2)
        _work_a_day(made, popug.environment["POPUG_TIMEZONE"])
        _park_one(made, Path(popug.environment["POPUG_DATA"]) / "tasks.db")
        yield made
    finally:
        popug.stop()


def _work_a_day(company: Company, zone: str) -> None:
    """Eight tasks or more, two of them open, with something owed to each worker; and closed."""
    company.workers[0].ask("PUT", "/billing/api/v1/cards/me", json={"card_number": CARD})
    books = Books()
    number = 0
    while number < 8 or any(books.balance(worker.id) <= 0 for worker in company.workers):
        task = company.manager.post("/tasks/api/v1/tasks", title=f"[POPUG-{number}] Paint a cage")
        books.assigned(task)
        if number not in (6, 7):
            owner = company.by_id[task["assignee_id"]]
            owner.post(f"/tasks/api/v1/tasks/{task['id']}/close")
            books.closed_by(owner.id, task)
        number += 1
    today = str(datetime.now(UTC).astimezone(ZoneInfo(zone)).date())
    booked = (books.all_fees, books.all_rewards)
    wait_until_equal(lambda: _booked(company.accountant, today), booked, "books")
    company.accountant.post(f"/accounts/api/v1/days/{today}/close")
    wait_for(
        lambda: (
            company.admin.items("/mailer/api/v1/mails")
            and company.admin.items("/analytics/api/v1/days")
        ),
        "payouts, mails and analytics",
    )


def _park_one(company: Company, outbox: Path) -> None:
    """Put bytes on their way that nobody can apply, and decide of them in one place."""
    with sqlite3.connect(outbox, timeout=30) as database:
        database.execute(
            "INSERT INTO outbox (event_id, type, payload, created_at)"
            " VALUES ('none', 'popug.tasks.task_closed.v1', ?, '2026-01-01 00:00:00.000000')",
            (b"\xff\xfe no json at all",),
        )
    database.close()
    for service in ("accounts", "analytics"):
        wait_for(lambda at=f"/{service}/api/v1/parked": company.admin.items(at), "parked")  # type: ignore[misc]
    company.admin.post("/analytics/api/v1/parked/events/1/drop", reason="made for the pages")


def _booked(accountant: Person, day: str) -> tuple[int, int]:
    (row,) = accountant.items("/accounts/api/v1/company", **{"from": day, "to": day})
    return row["fees"], row["rewards"]


def sign_in(page: Page, email: str, password: str, button: str = "Sign in") -> None:
    """Fill in the login page that is shown, and wait for the page behind it."""
    page.locator("[name=email]").fill(email)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name=button).click()
    expect(page.locator("[name=password]")).to_have_count(0)


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    """A phone that runs no script."""
    context = chromium.new_context(**PHONE, java_script_enabled=False)
    yield context
    context.close()

"""What people do all day, on a phone that runs no script."""

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import sign_in
from tests.system.company import CARD, PASSWORD, Company
from tests.system.running import ADMIN
from tests.waiting import wait_for


def hire(company: Company, name: str, role: str) -> str:
    """Somebody new; his user id."""
    email = f"{name.split()[0].lower()}@popug.test"
    person = company.admin.post(
        "/auth/api/v1/users", email=email, name=name, role=role, password=PASSWORD
    )
    return str(person["id"])


def go(page: Page, entry: str) -> None:
    """Open the menu and choose."""
    page.get_by_role("button", name="Menu").tap()
    with page.expect_navigation():
        page.get_by_role("link", name=entry, exact=True).tap()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def give(company: Company, title: str, user_id: str) -> None:
    """Have the manager put the task with this title on somebody."""
    (task,) = company.manager.items("/tasks/api/v1/tasks", q=title)
    if task["assignee_id"] != user_id:
        company.manager.post(f"/tasks/api/v1/tasks/{task['id']}/reassign", assignee_id=user_id)


def test_a_worker_creates_closes_and_is_paid(phone: BrowserContext, company: Company) -> None:
    wanda = hire(company, "Wanda Lorikeet", "worker")
    page = phone.new_page()
    page.goto(company.url)
    sign_in(page, "wanda@popug.test", PASSWORD)
    expect(page).to_have_url(f"{company.url}/tasks/")

    page.get_by_label("Title").fill("[POPUG-77] Oil the [swing]")
    page.get_by_role("button", name="Create").tap()
    expect(page.get_by_label("Title")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Title")).to_have_value("[POPUG-77] Oil the [swing]")

    page.get_by_label("Title").fill("[POPUG-77] Oil the swing")
    page.get_by_role("button", name="Create").tap()
    expect(page.get_by_role("status")).to_contain_text("Oil the swing")

    give(company, "Oil the swing", wanda)
    go(page, "My tasks")
    row = page.get_by_role("row").filter(has_text="Oil the swing")
    row.get_by_role("button", name="Close").tap()
    expect(page.get_by_role("status")).to_contain_text("Oil the swing")

    wait_for(
        lambda: company.accountant.items(f"/accounts/api/v1/accounts/{wanda}/transactions"),
        "fee and reward",
    )
    go(page, "My account")
    wait_for(lambda: page.reload() and page.get_by_text("Reward: Oil the swing").count(), "reward")
    assert page.get_by_text("Fee: Oil the swing").count() == 1

    go(page, "My payouts")
    page.get_by_label("Card number").fill(CARD)
    page.get_by_role("button", name="Store the card").tap()
    expect(page.get_by_role("status")).to_contain_text(CARD[-4:])
    assert CARD not in page.content()

    go(page, "Mails")
    expect(page.get_by_text("There is no mail yet.")).to_be_visible()
    page.get_by_label("when the bank has paid it").tap()
    page.get_by_role("button", name="Save").tap()
    expect(page.get_by_role("status")).to_contain_text("Your choice of mails is kept.")
    expect(page.get_by_label("when the bank has paid it")).to_be_checked()

    page.get_by_role("link", name="Sign out").tap()
    page.get_by_role("button", name="Sign out").tap()
    expect(page).to_have_url(re.compile("/auth/login$"))
    page.goto(f"{company.url}/tasks/")
    expect(page).to_have_url(re.compile("/auth/login.next="))


def test_a_manager_shuffles_after_the_preview(phone: BrowserContext, company: Company) -> None:
    hire(company, "Marlene Ara", "manager")
    for number in range(3):
        company.manager.post("/tasks/api/v1/tasks", title=f"Sweep perch {number}")
    tasks = company.manager.items("/tasks/api/v1/tasks", status="open")
    page = phone.new_page()
    page.goto(f"{company.url}/tasks/shuffles/new")
    sign_in(page, "marlene@popug.test", PASSWORD)

    shown = page.locator(".stats").inner_text()
    fees = sum(task["fee"] for task in tasks)
    assert f"{fees // 100}.00" in shown
    page.get_by_role("button", name=f"Shuffle {len(tasks)} tasks").tap()
    expect(page).to_have_url(re.compile("/tasks/shuffles/[^/]+$"))
    wait_for(lambda: page.reload() and "done" in page.locator("main").inner_text(), "the shuffle")
    assert re.search(rf"Dealt anew\s+{len(tasks)}\b", page.locator(".stats").inner_text())


def test_fingers_find_the_menu(phone: BrowserContext, company: Company) -> None:
    page = phone.new_page()
    page.goto(company.url)
    sign_in(page, *ADMIN)
    expect(page.get_by_role("link", name="People")).to_be_hidden()
    page.get_by_role("button", name="Menu").tap()
    expect(page.get_by_role("link", name="People")).to_be_visible()
    targets = page.locator(".topbar a, .topbar button, .menu a").all()
    assert len(targets) > 10
    for target in targets:
        box = target.bounding_box()
        assert box, target
        assert min(box["width"], box["height"]) >= 44, target.inner_text()

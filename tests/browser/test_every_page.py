"""Every page that a role can reach: it fits a phone, is accessible, and breaks no policy."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, sign_in
from tests.system.company import PASSWORD, Company
from tests.system.running import ADMIN

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\d")
NO_PAGE = re.compile(r"/api/|/logout$|\.(csv|xlsx|json|pdf)$|/html$|/static/")
WIDTH = "document.documentElement.scrollWidth"


class Visitor:
    """Walks through the pages and notes what the browser complains of."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" or "Content Security Policy" in text:
            self.complaints.append(f"{self.page.url}: {text}")

    def pages(self) -> Iterator[str]:
        """One page of each kind, by following the links from the first one."""
        waiting, seen = ["/tasks/"], set[str]()
        while waiting:
            path = waiting.pop(0)
            kind = ID.sub("*", path)
            if kind in seen or NO_PAGE.search(path):
                continue
            seen.add(kind)
            answer = self.page.goto(self.url + path)
            assert answer, path
            assert answer.status == 200, path
            yield path
            waiting += [urlsplit(link).path for link in self._links()]

    def _links(self) -> list[str]:
        found: list[str] = self.page.eval_on_selector_all(
            "a[href^='/']", "links => links.map(link => link.getAttribute('href'))"
        )
        return found


@pytest.fixture
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = chromium.new_context(**{**PHONE, **getattr(request, "param", {})})
    yield context.new_page()
    context.close()


def login(company: Company, role: str) -> tuple[str, str]:
    """E-mail and password of somebody with this role."""
    if role == "admin":
        return ADMIN
    people = company.admin.items("/auth/api/v1/users")
    return next(p["email"] for p in people if p["role"] == role), PASSWORD


def serious(page: Page) -> list[Any]:
    """What axe finds serious or critical on the page."""
    return [
        (found["id"], [node["target"] for node in found["nodes"]])
        for found in Axe().run(page).response["violations"]
        if found["impact"] in ("serious", "critical")
    ]


def test_the_visitor_notices_what_is_wrong(page: Page, company: Company) -> None:
    visitor = Visitor(page, company.url)
    page.goto(company.url)
    assert (visitor.complaints, serious(page)) == ([], [])
    plant = "document.querySelector('main').insertAdjacentHTML('beforeend', %r)"
    page.evaluate(plant % '<p style="width: 900px"><img src="/auth/static/popug.svg"></p>')
    assert [name for name, _ in serious(page)] == ["image-alt"]
    assert "Content Security Policy" in visitor.complaints[0]
    page.evaluate(plant % ("<code class='text-nowrap'>" + "wide " * 90 + "</code>"))
    assert page.evaluate(WIDTH) > 390


# An admin reaches what managers and accountants do; a worker's own pages are full.
@pytest.mark.parametrize(("role", "least"), [("worker", 8), ("admin", 20)])
def test_every_page_fits_a_phone_and_is_accessible(
    page: Page, company: Company, role: str, least: int
) -> None:
    visitor = Visitor(page, company.url)
    page.goto(company.url)
    assert serious(page) == []
    sign_in(page, *login(company, role))
    seen = []
    for path in visitor.pages():
        assert page.evaluate(WIDTH) <= 390, path
        assert serious(page) == [], path
        expect(page.get_by_role("main").get_by_role("heading", level=1)).to_have_count(1)
        seen.append(path)
    assert len(seen) >= least, seen
    assert visitor.complaints == []


@pytest.mark.parametrize("page", [{"locale": "ru-RU"}], indirect=True)
def test_every_page_fits_a_phone_in_russian(page: Page, company: Company) -> None:
    person = {"email": "raisa@popug.test", "name": "Раиса Какаду", "role": "admin"}
    raisa = company.admin.post("/auth/api/v1/users", **person, password=PASSWORD)["id"]
    company.admin.ask("PATCH", f"/auth/api/v1/users/{raisa}", json={"language": "ru"})
    visitor = Visitor(page, company.url)
    page.goto(company.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Войти")
    sign_in(page, person["email"], PASSWORD, button="Войти")
    for path in visitor.pages():
        assert page.evaluate(WIDTH) <= 390, path
        expect(page.locator("html")).to_have_attribute("lang", "ru")
    assert visitor.complaints == []

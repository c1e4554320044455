"""The pay slip in a browser: on a phone and a desk, in both languages, on paper and as PDF."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from tests.browser.conftest import PHONE, sign_in
from tests.system.company import PASSWORD, Company

DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, "locale": "en-US"}
WORDS = {
    "en": ("Sign in", "Pay slip", "Paid for this day", "Booked on this day"),
    "ru": ("Войти", "Расчётный лист", "Выплачено за этот день", "Записано в этот день"),
}


def paid_worker(company: Company) -> str:
    """The id of a worker who was paid for the closed day."""
    workers = {person.id for person in company.workers}
    payouts = company.accountant.items("/billing/api/v1/payouts")
    return next(str(payout["user_id"]) for payout in payouts if payout["user_id"] in workers)


def dense(text: str) -> str:
    """Without spaces: lines break elsewhere in a PDF."""
    return re.sub(r"\s", "", text)


def to_the_slip(page: Page, company: Company, user_id: str, language: str) -> None:
    button, link = WORDS[language][:2]
    page.goto(f"{company.url}/accounts/")
    sign_in(page, company.emails[user_id], PASSWORD, button=button)
    page.goto(f"{company.url}/accounts/")
    page.get_by_role("link", name=link, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(link)


@pytest.mark.parametrize("device", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_popug_reads_prints_and_stores_his_pay_slip(
    chromium: Browser, company: Company, device: dict[str, Any], language: str, tmp_path: Path
) -> None:
    user_id = paid_worker(company)
    company.admin.ask("PATCH", f"/auth/api/v1/users/{user_id}", json={"language": language})
    locale = {"en": "en-US", "ru": "ru-RU"}[language]
    context = chromium.new_context(**{**device, "locale": locale})
    try:
        page = context.new_page()
        to_the_slip(page, company, user_id, language)
        for words in WORDS[language][2:]:
            expect(page.get_by_role("main")).to_contain_text(words)
        entries = page.locator("table.payslip td.money").all_inner_texts()
        foot = page.locator("table.payslip-sums td.money").all_inner_texts()
        assert entries
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile("PDF")).nth(
                list(WORDS).index(language)
            ).click()
        stored = tmp_path / "slip.pdf"
        download.value.save_as(stored)
        text = "\n".join(p.extract_text() for p in PdfReader(BytesIO(stored.read_bytes())).pages)
        assert WORDS[language][2] in text
        assert [each for each in [*entries, *foot] if dense(each) not in dense(text)] == []
        page.emulate_media(media="print")
        expect(page.locator(".topbar")).to_be_hidden()
        expect(page.locator(".menu")).to_be_hidden()
        expect(page.get_by_role("link", name=re.compile("PDF")).first).to_be_hidden()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.locator("table.payslip td.money").all_inner_texts() == entries
    finally:
        context.close()
        company.admin.ask("PATCH", f"/auth/api/v1/users/{user_id}", json={"language": "en"})


def test_an_accountant_goes_from_the_day_to_a_slip(chromium: Browser, company: Company) -> None:
    context = chromium.new_context(**PHONE)
    try:
        page = context.new_page()
        page.goto(f"{company.url}/accounts/days")
        sign_in(page, company.emails[company.accountant.id], PASSWORD)
        page.get_by_role("row").filter(has_text="closed").get_by_role("link").first.tap()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Business day")
        page.get_by_role("link", name="Pay slip").first.tap()
        expect(page.get_by_role("main")).to_contain_text("Paid for this day")
    finally:
        context.close()

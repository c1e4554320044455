"""What every page of every service has: menu, person, messages, errors, macros."""

import re
from collections.abc import Callable
from html import unescape

import pytest

from tests.integration.look import service
from tests.support import Workbench


@pytest.fixture
def bench(workbench: Callable[..., Workbench]) -> Workbench:
    return workbench(service)


def links(page: str) -> dict[str, str]:
    """Where each link of a page leads, by its words."""
    found = re.findall(r'<a\b[^>]*href="([^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL)
    return {" ".join(re.sub("<.*?>", " ", words).split()): unescape(url) for url, words in found}


def test_the_menu_shows_what_the_role_may_use(bench: Workbench) -> None:
    assert "Vault" not in links(bench.client("worker").get("/look/").text)
    assert links(bench.client("admin").get("/look/").text)["Vault"] == "/look/vault"


def test_the_menu_marks_the_page_that_is_shown_and_what_lies_above_it(bench: Workbench) -> None:
    marked = re.compile(r'href="([^"]*)" aria-current="page"')
    client = bench.client("admin")
    assert marked.findall(client.get("/look/").text) == ["/look/"]
    assert marked.findall(client.get("/look/vault").text) == ["/look/vault"]
    assert marked.findall(client.get("/look/vault/7").text) == ["/look/vault"]
    assert marked.findall(client.get("/look/cellar/7").text) == ["/look/vault"]


def test_the_system_page_is_marked_though_it_belongs_to_no_service(bench: Workbench) -> None:
    marked = re.compile(r'href="([^"]*)" aria-current="page"')
    assert marked.findall(bench.client("admin").get("/look/status").text) == ["/status"]


def test_a_fixed_amount_is_written_for_each_reader_anew(bench: Workbench) -> None:
    assert "$0.00" in bench.client("worker").get("/look/").text
    russian = bench.client("worker", language="ru").get("/look/").text
    assert "0,00\N{NO-BREAK SPACE}$" in russian and "$0.00" not in russian


def test_an_error_page_leads_back_but_never_off_the_site(bench: Workbench) -> None:
    client = bench.client("worker")
    came = {"Referer": "http://localhost/look/?q=seeds"}
    assert links(client.get("/look/vault", headers=came).text)["Back"] == "/look/?q=seeds"
    for elsewhere in (
        "http://evil.example/look/",
        "http://localhost/look/vault",
        "http://localhost",
    ):
        assert "Back" not in links(client.get("/look/vault", headers={"Referer": elsewhere}).text)
    backslash = {"Referer": "http://localhost/\\evil.example/"}
    assert "Back" not in links(client.get("/look/vault", headers=backslash).text)
    sly = {"Referer": "http://localhost//evil.example/"}
    assert links(client.get("/look/vault", headers=sly).text)["Back"] == "/evil.example/"


def test_only_a_failure_of_ours_asks_to_tell_a_number(bench: Workbench) -> None:
    client = bench.client("worker")
    assert "tell an administrator" in client.get("/look/broken").text
    assert "tell an administrator" not in client.get("/look/vault").text


def test_the_page_names_the_person_and_leads_out(bench: Workbench) -> None:
    found = links(bench.client("worker", name="Ann <Macaw>").get("/look/").text)
    assert found["Ann &lt;Macaw&gt; worker"] == "/auth/me"
    assert found["Skip to the content"] == "#content"


def test_who_is_not_signed_in_sees_no_menu(bench: Workbench) -> None:
    page = bench.client().get("/look/broken").text
    assert "<nav" not in page
    assert links(page)["Sign in"] == "/auth/login"


def test_an_error_page_says_what_to_quote_and_nothing_of_the_inside(bench: Workbench) -> None:
    answer = bench.client("worker").get("/look/broken")
    assert answer.status_code == 500
    assert f"<code>{answer.headers['X-Request-Id']}</code>" in answer.text
    assert "secret of the inside" not in answer.text
    assert "try again in a moment" in answer.text


def test_a_message_is_shown_once_and_is_read_out(bench: Workbench) -> None:
    client = bench.client("worker")
    client.post("/look/", data={"name": "<b>"})
    page = client.get("/look/").text
    assert 'role="status"' in page
    assert "Kept: &lt;b&gt;" in page
    assert "Kept" not in client.get("/look/").text


def test_the_pager_keeps_the_filters_and_leaves_out_empty_ones(bench: Workbench) -> None:
    client = bench.client("worker")
    kept = "q=nuts%20%26%20seeds&least=0"
    assert links(client.get("/look/?next=a%2Bb").text)["Next page"] == f"?after=a%2Bb&{kept}"
    assert links(client.get("/look/?after=x").text)["First page"] == f"?{kept}"
    assert "Pages" not in client.get("/look/").text


def test_a_field_shows_its_error_and_keeps_the_input(bench: Workbench) -> None:
    answer = bench.client("worker").post("/look/", data={"name": '"macaw"', "sure": "y"})
    assert answer.status_code == 422
    (control,) = re.findall(r'<input[^>]*id="name"[^>]*>', answer.text)
    assert 'aria-describedby="name-help name-error"' in control
    assert 'aria-invalid="true"' in control
    assert 'class="form-control is-invalid wide"' in control
    assert 'value="&#34;macaw&#34;"' in control
    assert 'id="name-error">Field cannot be longer than 5 characters.<' in answer.text
    (ticked,) = re.findall(r'<input[^>]*id="sure"[^>]*>', answer.text)
    assert "checked" in ticked


def test_money_below_zero_looks_so(bench: Workbench) -> None:
    page = bench.client("worker").get("/look/").text
    assert '<span class="money negative">-$12.50</span>' in page


def test_the_page_carries_its_language(bench: Workbench) -> None:
    assert '<html lang="ru">' in bench.client("worker", language="ru").get("/look/").text
    german = bench.client().get("/look/broken", headers={"Accept-Language": "de"}).text
    assert '<html lang="en">' in german


def test_look_and_favicon_are_served_from_here(bench: Workbench) -> None:
    client = bench.client("worker")
    page = client.get("/look/").text
    for url in re.findall(r'<(?:link|img)\b[^>]*?(?:href|src)="([^"]*)"', page):
        assert url.startswith("/look/"), url
        with client.get(url) as answer:
            assert answer.status_code == 200

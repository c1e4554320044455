"""Every route is in the role matrix, and lets in whom the matrix names and nobody else."""

from collections.abc import Iterator

import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from chassis.access import rule_of
from tests.architecture.conftest import Company
from tests.architecture.matrix import CONTRACT, EVERYBODY, LINES, Line

SAFE = {"GET", "HEAD", "OPTIONS"}
BY_NAME = {str(line): line for line in LINES}


def _walk(company: Company) -> Iterator[tuple[str, str]]:
    """Every route that there is, as the matrix names it, with its service."""
    for service, app in company.apps.items():
        for rule in app.url_map.iter_rules():
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield service, f"{method} /{service}{rule.rule}".replace("//", "/")


def test_the_matrix_holds_every_route_and_nothing_else(company: Company) -> None:
    there = {route for _, route in _walk(company)}
    assert there - set(BY_NAME) == set(), "not in tests/architecture/matrix.py"
    assert set(BY_NAME) - there == set(), "in the matrix only"


def test_every_route_declares_who_may_use_it(company: Company) -> None:
    silent = [
        f"{service} {endpoint}"
        for service, app in company.apps.items()
        for endpoint, view in app.view_functions.items()
        if rule_of(view) is None and not endpoint.endswith("static")
    ]
    assert silent == []


@pytest.mark.parametrize("path", CONTRACT)
def test_what_the_contract_names_is_there(path: str, company: Company) -> None:
    method, _, path_only = path.partition(" ")
    service, _, rest = path_only.removeprefix("/").partition("/")
    there = (service in company.apps and _leads(company, service, f"/{rest}", method)) or _leads(
        company, "", path_only, method
    )
    assert there


def _leads(company: Company, service: str, path: str, method: str) -> bool:
    try:
        company.apps[service].url_map.bind("localhost").match(path, method)
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True


def _refused(answer: TestResponse, line: Line) -> bool:
    if answer.status_code in (301, 302, 303):
        return answer.headers["Location"].startswith("/auth/login")
    return answer.status_code in (401, 403) or (line.hidden and answer.status_code == 404)


@pytest.mark.parametrize("who", sorted(EVERYBODY))
@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_route_lets_in_whom_the_matrix_names(name: str, who: str, company: Company) -> None:
    line = BY_NAME[name]
    answer = company.ask(line, who)
    assert answer.status_code < 500, answer.text
    if line.may == EVERYBODY and answer.status_code in (302, 303):
        return  # from the sign-out to the sign-in, say
    assert _refused(answer, line) is (who not in line.may), f"{answer.status}: {answer.text[:500]}"
    answer.close()


def test_who_is_not_signed_in_hears_401_from_the_api_and_sees_the_login_elsewhere(
    company: Company,
) -> None:
    for line in LINES:
        if line.may == EVERYBODY:
            continue
        answer = company.ask(line, "nobody")
        if line.rule.startswith(("/api/", "/statusz", "/eventsz")):
            assert answer.status_code == 401, str(line)
            assert answer.mimetype == "application/problem+json"
        else:
            assert answer.status_code == 302, str(line)
            assert answer.headers["Location"].startswith("/auth/login?next=%2F"), str(line)


def test_a_wrong_role_hears_403_where_nothing_is_hidden(company: Company) -> None:
    for line in LINES:
        if "worker" in line.may or line.hidden:
            continue
        assert company.ask(line, "worker").status_code == 403, str(line)


@pytest.mark.parametrize("name", [str(line) for line in LINES if line.method not in SAFE])
def test_a_change_asked_for_by_another_site_is_refused(name: str, company: Company) -> None:
    line = BY_NAME[name]
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        answer = company.ask(line, "admin", headers=headers)
        assert answer.status_code == 403
        assert "another site" in answer.text

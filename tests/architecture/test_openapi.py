"""The OpenAPI of every service describes its REST side, all of it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from popug.system import system
from tests.architecture.conftest import Company
from tests.architecture.matrix import EVERYBODY, LINES

METHODS = {"get", "post", "put", "patch", "delete"}


def _spec(company: Company, service: str) -> dict[str, Any]:
    answer = company.bench.client().get(f"/{service}/api/openapi.json")
    assert answer.mimetype == "application/json"
    spec: dict[str, Any] = answer.get_json()
    return spec


def _operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield method, path, operation


@pytest.mark.parametrize("service", system.names)
def test_every_route_of_the_api_is_described_and_nothing_else(
    service: str, company: Company
) -> None:
    wanted = {
        (line.method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", line.rule))
        for line in LINES
        if line.service == service and line.rule.startswith("/api/v1/")
    }
    assert {(method, path) for method, path, _ in _operations(_spec(company, service))} == wanted


@pytest.mark.parametrize("service", system.names)
def test_a_description_is_of_version_3_1_and_says_whose_it_is(
    service: str, company: Company
) -> None:
    spec = _spec(company, service)
    assert spec["openapi"].startswith("3.1")
    assert spec["info"]["title"]
    assert spec["servers"] == [{"url": f"/{service}"}]


@pytest.mark.parametrize("service", system.names)
def test_a_description_names_parameters_answers_and_refusals(
    service: str, company: Company
) -> None:
    open_to_all = {str(line) for line in LINES if line.may == EVERYBODY}
    for method, path, operation in _operations(_spec(company, service)):
        where = f"{method.upper()} /{service}{path}"
        in_path = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path)), where
        codes = set(operation["responses"])
        assert any(code.startswith("2") for code in codes), where
        if where not in open_to_all:
            assert {"401", "403"} <= codes, where
        for code, answer in operation["responses"].items():
            assert answer["description"], f"{where} {code}"


@pytest.mark.parametrize("service", system.names)
def test_every_reference_leads_somewhere(service: str, company: Company) -> None:
    spec = _spec(company, service)
    found = list(_references(spec))
    assert found
    for reference in found:
        place: Any = spec
        for part in reference.removeprefix("#/").split("/"):
            place = place[part.replace("~1", "/").replace("~0", "~")]


def _references(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        if isinstance(content.get("$ref"), str):
            yield content["$ref"]
        for value in content.values():
            yield from _references(value)
    elif isinstance(content, list):
        for value in content:
            yield from _references(value)
